// What the library has, and indexing: folders that the server may read, and how far it is.
import {ApiError, get, post, request} from './api.js';
import {announce, button, copyFrom, h, icon, iconButton, store, stored} from './dom.js';
import {errorNote} from './errors.js';
import {seeing} from './models.js';
import {duration, number, onLanguage, text} from './texts.js';

const PATH = '/v1/library/index';
const COMMAND = 'oko index ~/Pictures ~/Documents';
const SERVE = 'oko serve --root ~/Pictures';
const EVERY = 1000; // ms

export function commandLine(command) {
  const copy = iconButton('copy', 'copy', () => copyFrom(copy, command));
  return h('div', {class: 'command'}, h('code', {}, command), copy);
}

/// How to index where the page may not.
export const indexCommands = () => [commandLine(COMMAND),
  h('p', {class: 'help', t: 'library.allow'}), commandLine(SERVE)];

const runs = (run) => run?.state === 'running' || run?.state === 'stopping';

export class LibraryPanel {
  /// `changed` is called when the library may have other files than before.
  constructor(changed) {
    this.changed = changed;
    this.library = null;
    this.run = null;
    this.error = null;
    this.summary = h('span', {class: 'library-files'});
    this.state = h('span', {class: 'library-state'});
    this.card = h('div', {class: 'library-card'});
    this.root = h('details', {class: 'library', hidden: true},
        h('summary', {}, icon('page'), this.summary, this.state), this.card);
    onLanguage(() => this.show());
  }

  /// Takes what GET /v1/library has said, and looks whether a run is under way.
  async take(library) {
    const isFirst = this.library === null;
    this.library = library;
    if (isFirst && !library.exists) this.root.open = true;
    this.show();
    await this.look();
  }

  async look() {
    clearTimeout(this.timer);
    const before = this.run;
    try {
      this.run = await get(PATH);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (!runs(before)) return; // an older oko
    }
    if (runs(this.run)) this.timer = setTimeout(() => this.look(), EVERY);
    if (runs(before) && !runs(this.run)) announce(this.result());
    if (JSON.stringify(before) === JSON.stringify(this.run)) return;
    this.show();
    const hasMore = before && before.added !== this.run.added;
    if (hasMore || runs(before) !== runs(this.run)) this.changed();
  }

  async start(root, retry = false) {
    this.error = null;
    try {
      this.run = await post(PATH, {root, retry, caption: this.describes()});
    } catch (error) {
      this.error = error;
    }
    this.show();
    this.card.querySelector('[data-key="stop"]')?.focus();
    await this.look();
  }

  async stop() {
    this.error = null;
    try {
      await request(PATH, {method: 'DELETE'});
    } catch (error) {
      this.error = error;
    }
    await this.look();
  }

  describes() {
    return seeing().length > 0 && stored('caption', '') === 'yes';
  }

  /// "12 of 340 files, 3 min left"
  progress() {
    const {run} = this;
    if (run.state === 'stopping') return text('library.stopping');
    if (run.phase === 'starting') return text('library.starting');
    const describes = run.phase === 'describing';
    const [done, all] =
        describes ? [run.pictures_done, run.pictures] : [run.files_done, run.files];
    const count = text(describes ? 'library.describing' : 'library.reading',
        {n: all, done: number(done), all: number(all)});
    return run.left_seconds >= 2 ?
        `${count}, ${text('library.left', {time: duration(run.left_seconds)})}` : count;
  }

  /// How a run went.
  result() {
    const {run} = this;
    if (run.state === 'stopped') return text('library.stopped');
    if (run.state === 'failed') return text('library.failed');
    const changes = ['added', 'updated', 'moved', 'removed', 'captioned']
        .filter((name) => run[name] > 0)
        .map((name) => text(`library.${name}`, {n: run[name], shown: number(run[name])}));
    return changes.length > 0 ? changes.join(', ') : text('library.same');
  }

  show() {
    const {library, run} = this;
    const roots = library?.roots ?? [];
    this.root.hidden = library === null || (!library.exists && roots.length === 0);
    if (this.root.hidden) return;
    const focused = this.card.contains(document.activeElement) ?
        document.activeElement.dataset.key : undefined;
    const n = library.documents ?? 0;
    this.summary.textContent = library.exists ?
        text('search.count', {n, shown: number(n)}) : text('search.none.title');
    this.state.textContent = runs(run) ? this.progress() : '';
    this.card.replaceChildren(
        ...(roots.length > 0 ? this.folders(roots) :
            [h('p', {class: 'help', t: 'library.command'}), ...indexCommands()]),
        ...this.runParts());
    if (focused) {
      const next = this.card.querySelector(`[data-key="${focused}"]:not(:disabled)`);
      (next ?? this.root.firstChild).focus();
    }
  }

  folders(roots) {
    const isBusy = runs(this.run);
    const box = h('input', {type: 'checkbox', id: 'library-caption', 'data-key': 'caption',
      checked: this.describes(), disabled: isBusy,
      onchange: () => store('caption', box.checked ? 'yes' : '')});
    return [
      h('ul', {class: 'roots', tLabel: 'library.folders'}, ...roots.map((root) => h('li', {},
          h('div', {class: 'root-name'}, h('strong', {}, root.name),
              h('span', {class: 'help', title: root.folder}, root.folder)),
          h('button', {type: 'button', class: 'button small', disabled: isBusy,
            'data-key': `root-${root.id}`, onclick: () => this.start(root.id)},
              h('span', {t: 'library.index'}),
              h('span', {class: 'unseen'}, root.name))))),
      seeing().length === 0 ? null :
          h('label', {class: 'toggle', for: 'library-caption'}, box,
              h('span', {t: 'library.caption'})),
    ].filter((each) => each !== null);
  }

  /// Of the run that is under way, or of the last one.
  runParts() {
    const {run, error} = this;
    const parts = error ? [errorNote(error)] : [];
    if (!run || run.state === 'idle') return parts;
    if (runs(run)) {
      const all = run.phase === 'describing' ? run.pictures : run.files;
      const done = run.phase === 'describing' ? run.pictures_done : run.files_done;
      const bar = h('progress', {max: 1, tLabel: 'library.progress'});
      if (run.phase !== 'starting') bar.value = all > 0 ? done / all : 1;
      parts.push(h('div', {class: 'run'}, bar, h('span', {class: 'count'}, this.progress()),
          button('stop', 'stop', () => this.stop(),
              {'data-key': 'stop', disabled: run.state === 'stopping'})));
    } else if (run.error) {
      parts.push(errorNote(new ApiError(run.error.message, run.error.hint)));
    } else {
      parts.push(h('p', {class: 'run-result'}, icon('done'), h('span', {}, this.result())));
    }
    return [...parts, ...this.failures()];
  }

  failures() {
    const {run} = this;
    const failed = run.failed + run.uncaptioned;
    const before = runs(run) ? 0 : run.failed_before;
    if (failed + before === 0) return [];
    const rest = failed - run.failures.length;
    const again = button('retry', 'library.again', () => this.start(run.root, true),
        {'data-key': 'again', disabled: runs(run)});
    const title = h('span', {t: 'library.unread', tVars: {n: failed + before,
      shown: number(failed + before)}});
    if (run.failures.length === 0) return [h('div', {class: 'failures'}, title, again)];
    const list = h('details', {class: 'failures', open: this.showsFailures,
      ontoggle: () => (this.showsFailures = list.open)},
        h('summary', {'data-key': 'failures'}, title),
        h('ul', {}, ...run.failures.map(({error}) => h('li', {}, error.message,
            error.hint ? h('span', {class: 'help'}, error.hint) : null)),
        rest > 0 ? h('li', {t: 'library.more', tVars: {n: number(rest)}}) : null),
        again);
    return [list];
  }
}
