// The text of pictures and PDF, over the picture and beside it.
import {ApiError, post} from './api.js';
import {place} from './boxes.js';
import {announce, button, copyFrom, h, icon, saveFile} from './dom.js';
import {errorNote} from './errors.js';
import {FileView, fresh} from './file_view.js';
import {blobUrl, checkSize} from './files.js';
import {Queue} from './queue.js';
import {onLanguage, text} from './texts.js';

const LETTER = 100; // px, at which text is measured
const measure = document.createElement('canvas').getContext('2d');

/// Text of a line that lies over its box: the letters of the page, squeezed to the box's width.
function overlayLine(line, page) {
  const [left, top, width, height] = line.box;
  const node = h('span', {class: 'text-line'}, line.text);
  place(node, {left: left / page.width, top: top / page.height, width: width / page.width,
    height: height / page.height});
  measure.font = `${LETTER}px sans-serif`;
  const letter = height * 0.86;
  const natural = measure.measureText(line.text).width * letter / LETTER;
  node.style.fontSize = `${letter / page.width * 100}cqw`;
  node.style.lineHeight = `${height / page.width * 100}cqw`;
  if (natural > 0) node.style.setProperty('--squeeze', width / natural);
  return node;
}

/// A page as a picture with its text over it.
function pageView(file, page) {
  const isSheet = !page.url && (file.isPdf || page.page > 1);
  const picture = page.url ? h('img', {src: page.url, alt: ''}) : file.thumbnail({alt: ''});
  const lines = page.lines.filter((line) => line.text !== '');
  const overlay = lines.map((line) => overlayLine(line, page));
  const unsure = lines.flatMap((line) => line.words ?? []).filter((word) => word.unsure);
  const marks = unsure.map((word) => {
    const [left, top, width, height] = word.box;
    const mark = h('span', {class: 'unsure'});
    place(mark, {left: left / page.width, top: top / page.height, width: width / page.width,
      height: height / page.height});
    return mark;
  });
  const view = h('div', {class: 'page'},
      isSheet ? null : picture, ...marks,
      h('div', {class: 'text-layer', 'aria-hidden': 'true'}, ...overlay));
  view.style.setProperty('--ratio', page.width / page.height);
  view.style.aspectRatio = `${page.width} / ${page.height}`;
  view.classList.toggle('is-sheet', isSheet);
  // A picture that the browser cannot show (HEIC, TIFF) becomes a sheet, too.
  view.querySelector('img')?.addEventListener('error', () => {
    view.classList.add('is-sheet');
    view.querySelector('.sheet')?.remove();
  });
  return {view, lines, overlay};
}

/// The lines of a page to read; a gap between blocks. A line lights up with its place.
function pageText(lines, overlay) {
  let block = null;
  return h('div', {class: 'page-text'}, ...lines.map((line, i) => {
    const isNew = block !== null && line.block !== block;
    block = line.block;
    const node = h('p', {class: isNew ? 'begins-block' : ''}, line.text);
    for (const each of [node, overlay[i]]) {
      each.addEventListener('pointerenter', () => {
        node.classList.add('is-lit');
        overlay[i].classList.add('is-lit');
      });
      each.addEventListener('pointerleave', () => {
        node.classList.remove('is-lit');
        overlay[i].classList.remove('is-lit');
      });
    }
    return node;
  }));
}

export class OcrView extends FileView {
  constructor(ask) {
    super();
    this.ask = ask; // hands a file over to the chat
    this.documents = []; // {file, state, pages, error, tab}
    this.current = null;
    this.queue = new Queue(1, (each) => this.read(each));
    this.fresh = fresh(icon('text'), 'ocr.title', 'ocr.lead', this.pickButton());
    this.boxes = h('input', {type: 'checkbox', id: 'ocr-boxes',
      onchange: () => this.body.classList.toggle('has-boxes', this.boxes.checked)});
    this.copy = button('copy', 'copy.all', () => copyFrom(this.copy, this.text()));
    this.save = button('save', 'ocr.save', () =>
      saveFile(`${this.current.file.name}.txt`, 'text/plain;charset=utf-8', this.text()));
    this.askButton = button('chat', 'ocr.ask', () => this.ask(this.current.file.file));
    this.head = h('div', {class: 'view-head', hidden: true}, h('h1', {t: 'text'}),
        h('label', {class: 'toggle', for: 'ocr-boxes'}, this.boxes, h('span', {t: 'ocr.boxes'})),
        this.askButton, this.copy, this.save,
        button('attach', 'add', () => this.pick()));
    this.tabs = h('ul', {class: 'documents', hidden: true, tLabel: 'ocr.documents'});
    this.body = h('div', {class: 'ocr-body', hidden: true, role: 'region', tLabel: 'ocr.pages',
      tabindex: 0});
    this.root = h('section', {class: 'view ocr', tLabel: 'text'}, this.head, this.notes, this.tabs,
        this.fresh, this.body);
    onLanguage(() => this.show());
  }

  add(files) {
    const added = files.map((file) => this.documentOf(file));
    this.documents.push(...added);
    if (added.length > 0) this.select(added[0]);
    this.tabs.replaceChildren(...this.documents.map((each) => each.tab));
    this.queue.add(added);
  }

  documentOf(file) {
    const made = {file, state: 'waiting', pages: [], error: null};
    made.tab = h('li', {}, h('button', {type: 'button', class: 'document', 'aria-label': file.name,
      title: file.name, onclick: () => this.select(made)}, file.thumbnail({alt: ''})));
    return made;
  }

  select(chosen) {
    this.current = chosen;
    for (const each of this.documents) {
      const button = each.tab.firstChild;
      if (each === chosen) button.setAttribute('aria-current', 'true');
      else button.removeAttribute('aria-current');
    }
    this.show();
  }

  async read(each) {
    each.state = 'reading';
    if (each === this.current) this.show();
    try {
      checkSize([each.file]);
      const answer = await post('/v1/ocr',
          {file: await each.file.dataUri(), page_images: each.file.isDrawnElsewhere});
      each.pages = answer.pages;
      for (const page of each.pages) {
        if (page.image) page.url = blobUrl(page.image);
        delete page.image;
      }
      const first = each.pages[0].url;
      if (first) each.tab.firstChild.replaceChildren(h('img', {src: first, alt: ''}));
      each.state = 'done';
      announce(text('ocr.done', {name: each.file.name}));
    } catch (error) {
      each.state = 'failed';
      each.error = error;
    }
    each.tab.classList.toggle('is-failed', each.state === 'failed');
    if (each === this.current) this.show();
  }

  text() {
    return this.current.pages.map((page) => page.text ?? '').join('\n').trim() + '\n';
  }

  show() {
    const each = this.current;
    const isEmpty = each === null;
    this.fresh.hidden = !isEmpty;
    this.head.hidden = this.body.hidden = isEmpty;
    this.tabs.hidden = this.documents.length < 2;
    if (isEmpty) return;
    const hasText = each.pages.some((page) => page.text?.trim());
    this.copy.disabled = this.save.disabled = !hasText;
    if (each.state === 'failed') {
      this.body.replaceChildren(errorNote(each.error, () => {
        each.state = 'waiting';
        this.queue.add([each]);
        this.show();
      }));
      return;
    }
    if (each.state !== 'done') {
      this.body.replaceChildren(
          h('div', {class: 'ocr-page'},
              h('div', {class: 'page is-reading'}, each.file.thumbnail({alt: ''})),
              h('p', {class: 'wait'}, h('span', {class: 'dots', 'aria-hidden': 'true'}),
                  h('span', {t: each.state === 'reading' ? 'ocr.reading' : 'ocr.waiting'}))));
      return;
    }
    this.body.replaceChildren(...each.pages.map((page) => this.pageOf(each, page)));
  }

  pageOf(each, page) {
    const number = each.pages.length > 1 ?
        h('h2', {class: 'page-number', t: 'ocr.page', tVars: {n: page.page}}) : null;
    if (page.error) {
      return h('div', {class: 'ocr-page'}, number,
          errorNote(new ApiError(page.error.message, page.error.hint)));
    }
    const {view, lines, overlay} = pageView(each.file, page);
    const notes = (page.notes ?? []).map((note) => h('p', {class: 'help'}, note));
    const words =
        lines.length > 0 ? pageText(lines, overlay) : h('p', {class: 'help', t: 'ocr.none'});
    return h('div', {class: 'ocr-page'}, number, view,
        h('div', {class: 'page-side'}, words, ...notes));
  }
}
