// Asks the page's own modules, without a browser: reads {what, ...} from stdin
// and writes the answer as JSON.
import { together } from '../../static/editor/targets.js';
import { fromHash, toHash } from '../../static/url.js';
import { createStore } from '../../static/store.js';
import { sameStep } from '../../static/timeline/same-step.js';
import { reached, stepOf } from '../../static/lessons/goal.js';
import { buildModel } from '../../static/model/index.js';
import { callAt } from '../../static/model/scope.js';
import { textOf } from '../../static/model/source.js';

const questions = {
  async hash({ state, base }) {
    const hash = await toHash(state, base);
    return { hash, back: await fromHash(hash) };
  },
  async read({ hash }) {
    return fromHash(hash).catch((error) => ({ failed: String(error) }));
  },
  async store() {
    const store = createStore({ a: 1, b: 1, c: 1 });
    const told = [];
    store.on(['a'], ({ a, b }) => {
      told.push(['a', a, b]);
      if (a === 2) store.setState({ b: a * 10 });
    });
    store.on(['b'], ({ a, b }) => told.push(['b', a, b]));
    const stop = store.on(['c'], ({ c }) => told.push(['c', c]));
    store.setState({ a: 2 });
    store.setState({ a: 2 });
    stop();
    store.setState({ c: 5 });
    return told;
  },
  async hurry() {
    const store = createStore({ model: 0, step: 0, inputs: 0 });
    const told = [];
    store.on(['model'], ({ model }) => told.push(`picture ${model}`));
    store.on(['model', 'step'], ({ model, step }, changed) => told.push(`panel ${model} ${step} ${[...changed].sort()}`), { patient: true });
    const drag = (model) => store.setState({ model }, { hurry: true });
    const rest = (ms) => new Promise((done) => setTimeout(done, ms));
    const heard = () => told.splice(0);
    for (const model of [1, 2, 3]) {
      store.setState({ inputs: model });
      drag(model);
    }
    const dragged = heard();
    await rest(400);
    const rested = heard();
    drag(4);
    drag(5);
    store.setState({ step: 1 });
    const walked = heard();
    await rest(400);
    return { dragged, rested, walked, after: heard() };
  },
  async steps({ from, to, step }) {
    const [a, b] = [from, to].map(({ trace, code }) => buildModel(trace, code));
    const found = sameStep(a, b, step);
    const name = (model, i) => (i < 0 ? null : `${model.steps[i].kind} ${model.steps[i].label}`);
    return { found, was: name(a, step), is: name(b, found), last: b.steps.length - 1 };
  },
  async goal({ trace, code, goal, interventions }) {
    return reached(goal, { model: buildModel(trace, code), code, interventions });
  },
  async text({ trace, code }) {
    return trace.ops.map((op) => textOf(code.split('\n'), op.site));
  },
  async together({ changes }) {
    return together(changes).map(({ of }) => of);
  },
  async calls({ trace, code }) {
    const model = buildModel(trace, code);
    let reads = 0;
    const get = (target, key, self) => {
      reads += /^\d+$/.test(String(key));
      return Reflect.get(target, key, self);
    };
    const counted = { ...model, steps: new Proxy(model.steps, { get }) };
    return { calls: model.steps.map((step) => callAt(counted, step.index)), reads };
  },
  async note({ trace, code, at }) {
    const model = buildModel(trace, code);
    const index = stepOf(model, at);
    return index < 0 ? null : { kind: model.steps[index].kind, line: model.steps[index].line };
  },
};

let text = '';
for await (const chunk of process.stdin) text += chunk;
const { what, ...rest } = JSON.parse(text);
console.log(JSON.stringify(await questions[what](rest)));
