// The memory of the server against its budget, and the models that are in it.
import {ApiError, get} from './api.js';
import {h} from './dom.js';
import {onLanguage, size, text} from './texts.js';

const EVERY = 2500; // ms
const STEP = 1024; // memory is sold in these

/// Tags of /v1/plan that are shown together.
const PARTS = {
  weights: ['weights_bytes'],
  caches: ['kv_bytes', 'image_cache_bytes', 'prefix_cache_bytes'],
};

function partsOf(plan) {
  const parts = {};
  let rest = plan.held_bytes;
  for (const [name, tags] of Object.entries(PARTS)) {
    parts[name] = tags.reduce((sum, tag) => sum + (plan.held?.[tag] ?? 0), 0);
    rest -= parts[name];
  }
  return {...parts, other: Math.max(rest, 0)};
}

/// A bar that follows the server while the page is seen.
export function memoryBar() {
  const root = h('section', {class: 'memory', hidden: true, tLabel: 'memory'});
  let plan = null;
  let isGone = false;
  const show = () => {
    if (!plan) return;
    const {budget_bytes: budget, held_bytes: held} = plan;
    const used = text('memory.used', {used: size(held, STEP), budget: size(budget, STEP)});
    const meter = h('div', {class: 'meter', role: 'meter', tLabel: 'memory', 'aria-valuemin': 0,
      'aria-valuemax': budget, 'aria-valuenow': held, 'aria-valuetext': used});
    for (const [name, bytes] of Object.entries(partsOf(plan))) {
      const part = h('span', {class: `part ${name}`, tTitle: `memory.${name}`});
      part.style.width = `${Math.min(bytes / budget * 100, 100)}%`;
      meter.append(part);
    }
    const needed = plan.plan?.resident_bytes;
    const notes = [];
    if (needed) {
      const mark = h('span', {class: 'need'});
      mark.style.left = `${Math.min(needed / budget * 100, 100)}%`;
      meter.append(mark);
      notes.push(h('p', {class: 'help', t: 'memory.need', tVars: {need: size(needed, STEP)}}));
    }
    root.replaceChildren(h('div', {class: 'memory-head'}, h('h2', {t: 'memory'}),
        h('span', {}, used)), meter, ...notes,
        h('ul', {class: 'loaded'}, ...(plan.loaded ?? []).map((model) => h('li', {},
            h('span', {class: 'loaded-name', title: model.name}, model.name),
            h('span', {}, size(model.size_bytes, STEP))))));
    root.hidden = false;
  };
  const look = async () => {
    if (document.hidden || isGone) return;
    try {
      const next = await get('/v1/plan');
      if (JSON.stringify(next) === JSON.stringify(plan)) return;
      plan = next;
      show();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      isGone = error.status === 404; // an older oko
      root.hidden = true;
      plan = null;
    }
  };
  onLanguage(show);
  document.addEventListener('visibilitychange', look);
  setInterval(look, EVERY);
  look();
  return root;
}
