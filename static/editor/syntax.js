/**
 * What can be told from the program's text alone.
 */
import { pythonLanguage } from 'codemirror';

/**
 * One bare expression, like `sin(x)*y + x**2`: it is a program whose value the
 * backward pass starts from.  A call to print or to backward is not one.
 * @param {string} code
 */
export function isExpression(code) {
  const tree = pythonLanguage.parser.parse(code);
  const statements = [];
  for (let node = tree.topNode.firstChild; node; node = node.nextSibling) {
    if (node.name !== 'Comment') statements.push(node);
  }
  if (statements.length !== 1 || statements[0].name !== 'ExpressionStatement') return false;
  const text = code.slice(statements[0].from, statements[0].to);
  return !/^\s*print\b|\.backward\b/.test(text);
}
