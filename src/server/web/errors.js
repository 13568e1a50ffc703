// What went wrong, and what helps.
import {button, h, icon} from './dom.js';
import {ApiError} from './api.js';

/// A note about `error`; with a button if `retry` can help.
export function errorNote(error, retry) {
  const known = error instanceof ApiError;
  if (!known) console.error(error);
  return h('div', {class: 'note-error', role: 'alert'},
      icon('alert'),
      h('div', {},
          h('p', {class: 'note-title'}, known ? error.message : String(error)),
          known && error.hint ? h('p', {}, error.hint) : null),
      retry ? button('retry', 'again', retry) : null);
}
