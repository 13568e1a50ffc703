// What the views share that take files.
import {ApiError} from './api.js';
import {h, icon} from './dom.js';
import {errorNote} from './errors.js';
import {pickFiles, sortFiles} from './files.js';
import {text} from './texts.js';

/// What a view shows before it has anything else.
export function fresh(drawing, title, lead, ...more) {
  return h('div', {class: 'fresh'}, drawing, h('h1', {t: title}), h('p', {t: lead}), ...more);
}

/// A view whose files are dropped, pasted or picked. It has `add(files)` for the good ones.
export class FileView {
  constructor() {
    this.notes = h('div', {class: 'notes'});
  }

  pick() {
    pickFiles((files) => this.addFiles(files));
  }

  pickButton() {
    return h('button', {type: 'button', class: 'button primary', onclick: () => this.pick()},
        icon('picture'), h('span', {t: 'pick'}));
  }

  /// Says which files are no pictures, and adds the others.
  addFiles(files) {
    const {good, bad} = sortFiles(files);
    this.notes.replaceChildren(...bad.map(
        (name) => errorNote(new ApiError(text('error.kind', {name})))));
    this.add(good);
  }
}
