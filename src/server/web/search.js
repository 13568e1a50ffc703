// Search over the library that oko index has made.
import {ApiError, get, post, request} from './api.js';
import {place} from './boxes.js';
import {announce, button, copyFrom, h, icon, iconButton} from './dom.js';
import {errorNote} from './errors.js';
import {fresh} from './file_view.js';
import {indexCommands, LibraryPanel} from './library.js';
import {onLanguage, text} from './texts.js';

const KINDS = ['', 'picture', 'pdf', 'text'];
const SMALL = 420; // pixels of a side
const LARGE = 1600;

const nameOf = (path) => path.split('/').pop();

/// A picture of a hit's page with its box. Fetched by hand, since an image cannot send the key.
function pictureOf(hit, side) {
  const frame = h('span', {class: 'hit-frame'});
  if (hit.kind === 'text') {
    frame.classList.add('sheet');
    frame.append(icon('page'));
    frame.dataset.ending = nameOf(hit.file).split('.').pop().slice(0, 5); // no part of the name
    return frame;
  }
  const load = async () => {
    const page = hit.page ? `&page=${hit.page}` : '';
    const response = await request(`/v1/library/documents/${hit.document}/picture` +
        `?width=${side}&height=${side}${page}`, {accept: 'image/*'});
    const url = URL.createObjectURL(await response.blob());
    const image = h('img', {src: url, alt: ''});
    image.addEventListener('load', () => URL.revokeObjectURL(url));
    frame.replaceChildren(image);
    if (hit.box) {
      const [left, top, width, height] = hit.box;
      const mark = h('span', {class: 'hit-box'});
      place(mark, {left: left / hit.page_width, top: top / hit.page_height,
        width: width / hit.page_width, height: height / hit.page_height});
      frame.append(mark);
    }
  };
  load().catch((error) => {
    if (!(error instanceof ApiError)) console.error(error);
    frame.classList.add('sheet');
    frame.title = error.message;
    frame.append(icon('picture'));
  });
  return frame;
}

function snippetOf(hit) {
  return hit.snippet_parts.map(
      (part) => (part.marked ? h('mark', {}, part.text) : part.text));
}

export class SearchView {
  constructor() {
    this.library = null;
    this.turn = 0; // a later search makes an earlier one void
    this.field = h('input', {type: 'search', id: 'search-query', tLabel: 'search.query',
      tPlaceholder: 'search.placeholder', autocomplete: 'off', enterkeyhint: 'search'});
    this.kinds = h('div', {class: 'kinds', role: 'radiogroup', tLabel: 'search.kinds'},
        ...KINDS.map((kind, i) => h('label', {class: 'kind'},
            h('input', {type: 'radio', name: 'kind', value: kind, checked: i === 0,
              onchange: () => this.search()}),
            h('span', {t: `search.kind.${kind || 'all'}`}))));
    this.form = h('form', {class: 'search-form', role: 'search'},
        h('div', {class: 'search-field'}, icon('search'), this.field,
            h('button', {class: 'button primary small', t: 'search'})), this.kinds);
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.search();
    });
    this.facts = h('p', {class: 'search-facts help'});
    this.body = h('div', {class: 'search-body', tabindex: 0, role: 'region',
      tLabel: 'search.results'});
    this.panel = new LibraryPanel(() => this.refresh());
    this.root = h('section', {class: 'view search', tLabel: 'search'}, this.form, this.panel.root,
        this.body);
    onLanguage(() => this.show());
  }

  shown() {
    this.field.focus({preventScroll: true});
    return this.refresh();
  }

  /// Asks what the library has now.
  async refresh() {
    try {
      this.library = await get('/v1/library');
    } catch (error) {
      if (!this.hits) this.body.replaceChildren(errorNote(error, () => this.refresh()));
      return;
    }
    if (!this.hits) this.show();
    await this.panel.take(this.library);
  }

  show() {
    const {library} = this;
    if (this.hits) return this.showHits();
    if (library === null) return; // not known yet
    if (library.exists) {
      this.body.replaceChildren(fresh(icon('search'), 'search.title', 'search.lead'));
    } else if (library.roots.length > 0) {
      this.body.replaceChildren(fresh(icon('search'), 'search.none.title', 'library.first'));
    } else {
      this.body.replaceChildren(
          fresh(icon('search'), 'search.none.title', 'search.none.lead', ...indexCommands()));
    }
  }

  async search() {
    const query = this.field.value.trim();
    if (query === '') return;
    const turn = ++this.turn;
    const kind = new FormData(this.form).get('kind');
    this.body.setAttribute('aria-busy', 'true');
    try {
      const answer = await post('/v1/search', {query, limit: 20,
        ...(kind ? {kinds: [kind]} : {})});
      if (turn !== this.turn) return;
      this.hits = answer.results;
      this.showHits();
      announce(text('search.found', {n: this.hits.length}));
    } catch (error) {
      if (turn !== this.turn) return;
      this.body.replaceChildren(errorNote(error, () => this.search()));
    } finally {
      if (turn === this.turn) this.body.removeAttribute('aria-busy');
    }
  }

  showHits() {
    if (this.hits.length === 0) {
      this.body.replaceChildren(
          fresh(icon('search'), 'search.nothing.title', 'search.nothing.lead'));
      return;
    }
    this.body.replaceChildren(
        h('p', {class: 'search-facts', t: 'search.found', tVars: {n: this.hits.length}}),
        h('ol', {class: 'hits'}, ...this.hits.map((hit) => this.hitOf(hit))));
    this.body.scrollTop = 0;
  }

  hitOf(hit) {
    const name = hit.title || nameOf(hit.file);
    const where = hit.kind === 'pdf' ?
        h('span', {class: 'hit-page', t: 'ocr.page', tVars: {n: hit.page}}) : null;
    return h('li', {class: 'hit'},
        h('button', {type: 'button', class: 'hit-picture', tLabel: 'search.open', tVars: {name},
          onclick: () => this.open(hit)}, pictureOf(hit, SMALL)),
        h('div', {class: 'hit-text'},
            h('h2', {}, name, where),
            h('p', {class: 'snippet'}, ...snippetOf(hit)),
            h('p', {class: 'hit-path', title: hit.file}, hit.file)));
  }

  /// A hit in full: its page with the box, its text, and its path to copy.
  open(hit) {
    const name = hit.title || nameOf(hit.file);
    const close = iconButton('close', 'close', () => dialog.close());
    const copy = button('copy', 'search.path', () => copyFrom(copy, hit.file));
    const dialog = h('dialog', {class: 'dialog hit-dialog', 'aria-labelledby': 'hit-title'},
        h('div', {class: 'hit-dialog-head'}, h('h2', {id: 'hit-title'}, name), copy, close),
        h('div', {class: 'hit-dialog-body', tabindex: 0},
            hit.kind === 'text' ? null : pictureOf(hit, LARGE),
            h('p', {class: 'hit-passage'}, hit.text)));
    dialog.addEventListener('close', () => dialog.remove());
    dialog.addEventListener('click', (event) => {
      if (event.target === dialog) dialog.close(); // beside it
    });
    document.body.append(dialog);
    dialog.showModal();
  }
}
