// Answers questions about models: one JSON object in, one out.
// In: {"runs": [{"code", "trace"}, ...]}.  Out: what the page would show of them.
import { readFileSync } from 'node:fs';
import { buildModel, compare, flatten, stateAt } from '../../static/model/index.js';
import { firstOpen, groupCards } from '../../static/model/groups.js';
import { buildScene } from '../../static/model/scene.js';

const { runs } = JSON.parse(readFileSync(0, 'utf8'));
const models = runs.map(({ trace, code }) => buildModel(trace, code));

const numbers = (summary) => (summary === 'pending' ? 'pending' : flatten(summary));
const said = (step) => step.sentence.map((part) => part.text).join('');

function describe(model) {
  const scene = buildScene(model, { collapse: true, open: firstOpen(model) });
  return {
    cards: model.cards.map(({ id, kind, title, engine, names, reason, key, iteration, cut, root }) =>
      ({ id, kind, title, engine, names, reason, key, iteration, cut, root })),
    edges: model.edges.map(({ id, kind, source, target, input, recorded, gradient }) =>
      ({ id, kind, source, target, input, recorded, gradient: numbers(gradient) })),
    steps: model.steps.map((step) =>
      ({ kind: step.kind, label: step.label, sentence: said(step), line: step.line, norm: step.norm, cards: step.cards })),
    scene: {
      items: scene.items.map((item) => item.id),
      links: scene.links.length,
      covered: scene.items.flatMap((item) => item.group?.cards ?? [item.id]).length,
      closed: groupCards(model, new Set()).items.length,
    },
  };
}

function walk(model) {
  return Array.from({ length: model.steps.length + 1 }, (_, i) => {
    const state = stateAt(model, i - 1);
    const card = (id) => {
      const { value, gradient, arrived, status, grad } = state.card(id);
      return { value: numbers(value), gradient: numbers(gradient), arrived, status, grad: grad && numbers(grad.after) };
    };
    return {
      cards: Object.fromEntries(model.cards.map(({ id }) => [id, card(id)])),
      edges: Object.fromEntries(model.edges.map(({ id }) => [id, state.edge(id).state])),
      variables: Object.fromEntries(state.variables().map((one) =>
        [one.name, { value: numbers(one.value), grad: numbers(one.grad), why: one.gradText }])),
    };
  });
}

function difference(before, after) {
  const { changes, severed, leaves } = compare(before, after);
  return {
    changes: changes.map(({ key, gradient, value }) => ({ key, gradient, value })),
    severed: severed.map(({ source, target }) => [after.cardById.get(source).title, after.cardById.get(target).title]),
    cut: severed.filter(({ cut }) => cut).map(({ source, target }) => [after.cardById.get(source).title, after.cardById.get(target).title]),
    leaves: leaves.map(({ name, before: old, after: now, same }) => ({ name, before: numbers(old), after: numbers(now), same })),
  };
}

process.stdout.write(JSON.stringify({
  models: models.map(describe),
  walks: models.map((model) => (model.cards.length > 100 ? [] : walk(model))),
  difference: models.length === 2 ? difference(models[0], models[1]) : null,
}));
