// The models of this machine: which one answers.
import {get} from './api.js';
import {h, store, stored, iconButton, copyFrom} from './dom.js';

const COMMAND = 'oko pull qwen3-vl-4b';

const watchers = [];
let models = [];

export const seeing = () => models.filter((each) => each.capabilities?.includes('vision'));

/// The model that is chosen; undefined: there is none that sees.
export function chosenModel() {
  const wanted = stored('model', '');
  return (seeing().find((each) => each.id === wanted) ?? seeing()[0])?.id;
}

export function onModels(watcher) {
  watchers.push(watcher);
}

/// Asks for the models anew. Throws ApiError.
export async function loadModels() {
  models = (await get('/v1/models')).data ?? [];
  for (const watcher of watchers) watcher();
}

/// The choice of a model, or how to get one.
export function modelPicker() {
  const root = h('div', {class: 'models'});
  const show = () => {
    const names = seeing().map((each) => each.id);
    if (names.length === 0) {
      const copy = iconButton('copy', 'copy', () => copyFrom(copy, COMMAND));
      root.replaceChildren(
          h('p', {class: 'models-none', t: 'model.none'}), h('p', {t: 'model.none.help'}),
          h('div', {class: 'command'}, h('code', {}, COMMAND), copy));
      return;
    }
    const select = h('select', {id: 'model', onchange: () => store('model', select.value)},
        ...names.map((name) => h('option', {value: name}, name)));
    select.value = chosenModel();
    root.replaceChildren(h('label', {for: 'model', t: 'model'}), select);
  };
  onModels(show);
  return root;
}
