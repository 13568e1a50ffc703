// Captions of many pictures, to copy or to save.
import {streamChat} from './api.js';
import {announce, button, copyFrom, h, icon, iconButton, saveFile, store, stored} from './dom.js';
import {errorNote} from './errors.js';
import {FileView, fresh} from './file_view.js';
import {checkSize} from './files.js';
import {chosenModel} from './models.js';
import {Queue} from './queue.js';
import {csvOf} from './table.js';
import {onLanguage, text} from './texts.js';

/// Two at once keep the processor busy while one picture is decoded.
const AT_ONCE = 2;
const MOST_TOKENS = 400;

export class CaptionsView extends FileView {
  constructor() {
    super();
    this.items = []; // {file, caption, state, node, field}
    this.stop = new AbortController();
    this.queue = new Queue(AT_ONCE, (item) => this.describe(item));
    this.build();
  }

  build() {
    this.fresh = fresh(icon('captions'), 'captions.title', 'captions.lead', this.pickButton());
    this.prompt = h('input', {type: 'text', id: 'captions-prompt', value: stored('prompt', ''),
      tPlaceholder: 'chat.idea.describe',
      onchange: () => store('prompt', this.prompt.value)});
    this.copy = button('copy', 'copy.all', () => copyFrom(this.copy, this.lines()));
    this.csv = button('save', 'captions.csv',
        () => saveFile('captions.csv', 'text/csv;charset=utf-8', this.table()));
    this.json = button('save', 'captions.json',
        () => saveFile('captions.json', 'application/json', this.objects()));
    this.stopButton = button('stop', 'stop', () => this.halt());
    this.bar = h('progress', {id: 'captions-bar', max: 1, tLabel: 'captions.progress'});
    this.count = h('span', {class: 'count'});
    this.tools = h('div', {hidden: true, class: 'captions-tools'},
        h('div', {class: 'view-head'}, h('h1', {t: 'captions'}), this.copy, this.csv, this.json,
            button('attach', 'add', () => this.pick()),
            iconButton('close', 'captions.clear', () => this.clear())),
        h('div', {class: 'captions-row'},
            h('label', {for: 'captions-prompt', t: 'captions.prompt'}), this.prompt,
            this.bar, this.count, this.stopButton));
    this.list = h('ul', {class: 'cards'});
    this.root = h('section', {class: 'view captions', tLabel: 'captions'}, this.tools, this.notes,
        this.fresh, this.list);
    this.list.hidden = true;
    onLanguage(() => this.update());
  }

  add(files) {
    const added = files.map((file) => this.itemOf(file));
    this.items.push(...added);
    this.list.append(...added.map((item) => item.node));
    this.start(added);
  }

  itemOf(file) {
    const item = {file, caption: '', state: 'waiting'};
    item.field = h('textarea', {rows: 2, tLabel: 'captions.of', tVars: {name: file.name}});
    item.field.addEventListener('input', () => {
      item.caption = item.field.value;
      this.fit(item);
      this.update();
    });
    item.place = h('div', {class: 'card-text'});
    item.again = iconButton('retry', 'again', () => this.start([item]));
    item.copy = iconButton('copy', 'copy', () => copyFrom(item.copy, item.caption));
    item.node = h('li', {class: 'card'},
        h('div', {class: 'card-picture'}, file.thumbnail({alt: ''})),
        h('div', {class: 'card-head'}, h('span', {class: 'card-name', title: file.name}, file.name),
            item.copy, item.again),
        item.place);
    return item;
  }

  start(items) {
    if (this.stop.signal.aborted) this.stop = new AbortController();
    for (const item of items) {
      item.state = 'waiting';
      item.caption = '';
      this.show(item);
    }
    this.update();
    this.queue.add(items);
  }

  async describe(item) {
    const {signal} = this.stop;
    item.state = 'running';
    this.show(item);
    try {
      checkSize([item.file]);
      const prompt = this.prompt.value.trim() || text('chat.idea.describe');
      const content = [await item.file.part(), {type: 'text', text: prompt}];
      const body = {model: chosenModel(), messages: [{role: 'user', content}],
        max_tokens: MOST_TOKENS};
      item.model = body.model;
      for await (const piece of streamChat(body, signal)) {
        item.caption += piece.text ?? '';
        item.place.append(...(piece.notes ?? []).map((each) => h('p', {class: 'help'}, each)));
        item.field.value = item.caption;
        this.fit(item);
      }
      item.caption = item.field.value = item.caption.trim();
      item.state = 'done';
    } catch (error) {
      item.state = error.name === 'AbortError' ? 'stopped' : 'failed';
      item.error = error;
    }
    this.show(item);
    this.update();
    if (this.isDone()) announce(text('captions.done', {n: this.items.length}));
  }

  isDone() {
    return !this.items.some((item) => item.state === 'waiting' || item.state === 'running');
  }

  fit(item) {
    item.field.style.height = 'auto';
    item.field.style.height = `${item.field.scrollHeight + 2}px`;
  }

  show(item) {
    item.node.dataset.state = item.state;
    item.copy.hidden = item.state !== 'done';
    item.again.hidden = item.state === 'waiting' || item.state === 'running';
    if (item.state === 'failed') {
      item.place.replaceChildren(errorNote(item.error));
    } else if (item.state === 'waiting' || (item.state === 'stopped' && item.caption === '')) {
      item.place.replaceChildren(h('p', {class: 'help', t: `captions.${item.state}`}));
    } else if (item.field.parentNode !== item.place) {
      item.field.value = item.caption;
      item.place.replaceChildren(item.field);
      this.fit(item);
    }
    item.field.readOnly = item.state === 'running';
  }

  update() {
    const isEmpty = this.items.length === 0;
    this.fresh.hidden = !isEmpty;
    this.tools.hidden = this.list.hidden = isEmpty;
    const done = this.items.filter((item) => !['waiting', 'running'].includes(item.state)).length;
    this.bar.value = isEmpty ? 0 : done / this.items.length;
    this.count.textContent = text('captions.count', {done, all: this.items.length});
    this.stopButton.hidden = this.bar.hidden = this.isDone();
    const has = this.items.some((item) => item.caption !== '');
    this.copy.disabled = this.csv.disabled = this.json.disabled = !has;
  }

  halt() {
    for (const item of this.queue.clear()) {
      item.state = 'stopped';
      this.show(item);
    }
    this.stop.abort();
    this.update();
  }

  clear() {
    this.halt();
    for (const item of this.items) item.file.release();
    this.items = [];
    this.list.replaceChildren();
    this.update();
  }

  captioned() {
    return this.items.filter((item) => item.caption !== '');
  }

  lines() {
    return this.captioned().map((item) => `${item.file.name}: ${item.caption}\n`).join('');
  }

  table() {
    return csvOf([['file', 'caption'],
      ...this.captioned().map((item) => [item.file.name, item.caption])]);
  }

  objects() {
    return JSON.stringify(this.captioned().map(
        ({file, caption, model}) => ({file: file.name, caption, model})), null, 2) + '\n';
  }
}
