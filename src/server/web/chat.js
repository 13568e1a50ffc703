// A conversation about pictures.
import {streamChat} from './api.js';
import {boxedPictures, boxesOf} from './boxes.js';
import {announce, button, copyFrom, h, icon, iconButton, store, stored} from './dom.js';
import {errorNote} from './errors.js';
import {FileView, fresh} from './file_view.js';
import {checkSize} from './files.js';
import {showMarkdown} from './markdown.js';
import {chosenModel} from './models.js';
import {number, text} from './texts.js';

const LENGTHS = [256, 1024, 4096];
const READING = ['', 'auto', 'on', 'off']; // "": the server decides
const SHORTEST = 200; // ms of an answer whose speed means something

/// A message as OpenAI's API has it.
async function messageOf(turn) {
  if (turn.role === 'assistant' || turn.files.length === 0) {
    return {role: turn.role, content: turn.text};
  }
  const parts = await Promise.all(turn.files.map((file) => file.part()));
  return {role: 'user', content: [...parts, {type: 'text', text: turn.text}]};
}

/// The pictures of the last question that has any: boxes can be drawn over them.
function lastPictures(turns) {
  const turn = turns.findLast((each) => each.files.some((file) => !file.isPdf));
  return turn ? turn.files.filter((file) => !file.isPdf) : [];
}

export class ChatView extends FileView {
  constructor() {
    super();
    this.turns = []; // {role, text, files, node}
    this.files = []; // of the next question
    this.running = null; // AbortController of the answer that is written now
    this.build();
  }

  build() {
    this.log = h('div', {class: 'log', role: 'log', 'aria-live': 'off', tLabel: 'chat.log',
      tabindex: 0});
    this.tray = h('ul', {class: 'tray', hidden: true});
    this.field = h('textarea', {rows: 1, tLabel: 'chat.message', tPlaceholder: 'chat.placeholder',
      'aria-describedby': 'chat-keys'});
    this.field.addEventListener('input', () => this.fitField());
    this.field.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.submit();
    });
    this.sendButton = h('button', {class: 'send', tLabel: 'chat.send', tTitle: 'chat.send'},
        icon('send'));
    this.form = h('form', {class: 'composer'}, this.tray, this.field,
        h('div', {class: 'composer-row'},
            iconButton('attach', 'chat.attach', () => this.pick()),
            this.settings(),
            h('span', {class: 'keys', id: 'chat-keys', t: 'chat.keys'}), this.sendButton));
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.running) this.running.abort();
      else this.submit();
    });
    this.fresh = this.emptyState();
    this.head = h('div', {class: 'view-head', hidden: true}, h('h1', {t: 'chat'}),
        button('chat', 'chat.new', () => this.clear()));
    this.root = h('section', {class: 'view chat is-empty', tLabel: 'chat'}, this.head, this.fresh,
        this.log, h('div', {class: 'composer-place'}, this.notes, this.form));
    this.log.hidden = true;
  }

  emptyState() {
    const idea = (name) => h('button', {type: 'button', class: 'chip', t: `${name}.name`,
      onclick: () => {
        this.field.value = text(name);
        this.fitField();
        if (this.files.length > 0) this.submit();
        else this.field.focus();
      }});
    return fresh(
        h('img', {src: '/web/icon.svg', alt: '', class: 'fresh-eye', width: 72, height: 72}),
        'chat.title', 'chat.lead', this.pickButton(),
        h('div', {class: 'chips', role: 'group', tLabel: 'chat.ideas'},
            idea('chat.idea.describe'), idea('chat.idea.read'), idea('chat.idea.find')));
  }

  settings() {
    this.system = h('textarea', {rows: 2, id: 'chat-system', value: stored('system', '')});
    this.length = h('select', {id: 'chat-length'},
        ...LENGTHS.map((each) => h('option', {value: each}, String(each))));
    this.length.value = stored('length', '1024');
    this.reading = h('select', {id: 'chat-ocr'}, ...READING.map(
        (each) => h('option', {value: each, t: `chat.ocr.${each || 'server'}`})));
    this.reading.value = stored('ocr', '');
    this.temperature = h('input', {type: 'range', id: 'chat-temperature', min: 0, max: 1, step: 0.1,
      value: stored('temperature', '0')});
    const shown = h('output', {for: 'chat-temperature'}, this.temperature.value);
    this.temperature.addEventListener('input', () => {
      shown.textContent = this.temperature.value;
      store('temperature', this.temperature.value);
    });
    this.system.addEventListener('change', () => store('system', this.system.value));
    this.length.addEventListener('change', () => store('length', this.length.value));
    this.reading.addEventListener('change', () => store('ocr', this.reading.value));
    const details = h('details', {class: 'settings'},
        h('summary', {class: 'icon-button', tLabel: 'chat.settings', tTitle: 'chat.settings'},
            icon('settings')),
        h('div', {class: 'settings-card'},
            h('label', {for: 'chat-system', t: 'chat.system'}), this.system,
            h('label', {for: 'chat-ocr', t: 'chat.ocr'}), this.reading,
            h('label', {for: 'chat-length', t: 'chat.length'}), this.length,
            h('label', {for: 'chat-temperature', t: 'chat.temperature'}),
            h('div', {class: 'range'}, this.temperature, shown),
            h('p', {class: 'help', t: 'chat.temperature.help'})));
    details.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !details.open) return;
      details.open = false;
      details.querySelector('summary').focus();
    });
    document.addEventListener('click', (event) => {
      if (!details.contains(event.target)) details.open = false;
    });
    return details;
  }

  shown() {
    if (matchMedia('(hover: hover)').matches) this.field.focus({preventScroll: true});
  }

  fitField() {
    this.field.style.height = 'auto';
    this.field.style.height = `${Math.min(this.field.scrollHeight, 240)}px`;
  }

  add(files) {
    this.files.push(...files);
    this.showTray();
    if (files.length > 0) announce(files.map((file) => file.name).join(', '));
    this.field.focus();
  }

  showTray() {
    this.tray.hidden = this.files.length === 0;
    this.tray.replaceChildren(...this.files.map((file) => h('li', {class: 'tile'},
        file.thumbnail(),
        h('button', {type: 'button', class: 'tile-remove', tLabel: 'remove',
          tTitle: 'remove', tVars: {name: file.name},
          onclick: () => {
            this.files.splice(this.files.indexOf(file), 1);
            file.release();
            this.showTray();
            this.field.focus();
          }}, icon('close')))));
  }

  submit() {
    if (this.running) return;
    const question = this.field.value.trim() ||
        (this.files.length > 0 ? text('chat.idea.describe') : '');
    if (question === '') return;
    try {
      checkSize([...this.turns.flatMap((turn) => turn.files ?? []), ...this.files]);
    } catch (error) {
      this.notes.replaceChildren(errorNote(error));
      return;
    }
    this.notes.replaceChildren();
    const turn = {role: 'user', text: question, files: this.files};
    turn.node = h('article', {class: 'turn user'}, h('h2', {class: 'unseen', t: 'chat.you'}),
        turn.files.length > 0 ?
            h('div', {class: 'pictures'}, ...turn.files.map((file) => file.thumbnail())) : null,
        h('p', {class: 'bubble'}, question));
    this.files = [];
    this.field.value = '';
    this.fitField();
    this.showTray();
    this.turns.push(turn);
    this.fresh.hidden = true;
    this.log.hidden = this.head.hidden = false;
    this.root.classList.remove('is-empty');
    this.log.append(turn.node);
    this.answer();
  }

  setRunning(controller) {
    this.running = controller;
    const name = controller ? 'stop' : 'chat.send';
    this.sendButton.replaceChildren(icon(controller ? 'stop' : 'send'));
    this.sendButton.classList.toggle('is-stop', controller !== null);
    this.sendButton.setAttribute('aria-label', text(name));
    this.sendButton.title = text(name);
    this.sendButton.dataset.tLabel = this.sendButton.dataset.tTitle = name;
  }

  /// Asks for the answer to all turns, and shows it while it comes.
  async answer() {
    const asked = [...this.turns];
    const hasPictures = asked[asked.length - 1].files.length > 0;
    const body = h('div', {class: 'prose'});
    const wait = h('p', {class: 'wait'}, h('span', {class: 'dots', 'aria-hidden': 'true'}),
        h('span', {t: hasPictures ? 'chat.reading' : 'chat.thinking'}));
    const foot = h('div', {class: 'foot'});
    const turn = {role: 'assistant', text: '', files: []};
    turn.node = h('article', {class: 'turn model'}, h('h2', {class: 'unseen'}, 'oko'),
        h('img', {src: '/web/icon.svg', alt: '', width: 26, height: 26}),
        h('div', {class: 'turn-body'}, wait, body, foot));
    this.log.append(turn.node);
    this.scroll(true);
    announce(text('chat.working'));
    const controller = new AbortController();
    this.setRunning(controller);
    const answer = {begun: performance.now(), first: 0, last: 0, finish: '', usage: null,
      notes: []};
    let frame = 0;
    const paint = () => {
      frame = 0;
      if (turn.text) wait.remove();
      showMarkdown(body, turn.text);
      this.scroll();
    };
    try {
      for await (const piece of streamChat(await this.bodyOf(asked), controller.signal)) {
        if (piece.text) {
          answer.last = performance.now();
          answer.first ||= answer.last;
          turn.text += piece.text;
          frame ||= requestAnimationFrame(paint);
        }
        if (piece.notes) answer.notes = piece.notes;
        if (piece.finish) answer.finish = piece.finish;
        if (piece.usage) answer.usage = piece.usage;
      }
    } catch (error) {
      answer.isStopped = error.name === 'AbortError';
      if (!answer.isStopped) answer.error = error;
    }
    cancelAnimationFrame(frame);
    paint();
    wait.remove();
    this.setRunning(null);
    const isCurrent = this.log.contains(turn.node); // a new chat has none of its turns
    if (isCurrent) this.finish(turn, asked, answer, foot);
  }

  async bodyOf(turns) {
    const messages = await Promise.all(turns.map(messageOf));
    const system = this.system.value.trim();
    if (system) messages.unshift({role: 'system', content: system});
    const ocr = this.reading.value || undefined;
    return {model: chosenModel(), messages, max_tokens: Number(this.length.value),
      temperature: Number(this.temperature.value), ocr};
  }

  /// Keeps the answer, draws its boxes, and says how it went.
  finish(turn, asked, answer, foot) {
    if (turn.text) this.turns.push(turn);
    const pictures = lastPictures(asked);
    const boxes = pictures.length > 0 ? boxesOf(turn.text) : [];
    if (boxes.length > 0) {
      const raw = turn.node.querySelector('.prose');
      const details = h('details', {class: 'raw'}, h('summary', {t: 'boxes.raw'}));
      raw.replaceWith(boxedPictures(pictures, boxes), details);
      details.append(raw);
    }
    const retry = () => {
      if (this.running) return;
      this.turns = asked;
      turn.node.remove();
      this.answer();
    };
    if (answer.notes.length > 0) {
      foot.before(h('ul', {class: 'answer-notes'},
          ...answer.notes.map((each) => h('li', {}, each))));
    }
    // Only the last question can be asked again: what came later would stay in sight.
    this.log.querySelectorAll('[data-retry], .note-error button').forEach((each) => each.remove());
    if (answer.error) {
      foot.append(errorNote(answer.error, retry));
    } else {
      const copy = iconButton('copy', 'copy', () => copyFrom(copy, turn.text));
      foot.append(turn.text ? copy : '',
          iconButton('retry', 'again', retry, {'data-retry': ''}), this.factsOf(answer));
      announce(text('chat.answered', {text: [turn.text, ...answer.notes].join('\n')}));
    }
    this.scroll();
  }

  factsOf({begun, first, last, finish, usage, isStopped}) {
    const facts = h('span', {class: 'facts'});
    const add = (t, tVars) =>
        facts.append(facts.firstChild ? ' · ' : '', h('span', {t, tVars}));
    if (isStopped) add('chat.stopped');
    if (usage) {
      const count = usage.completion_tokens;
      add('n.tokens', {n: count});
      if (last - first > SHORTEST) {
        add('chat.speed', {speed: number((count - 1) / (last - first) * 1000, 1)});
      }
    }
    if (first) add('chat.first', {seconds: number((first - begun) / 1000, 1)});
    if (finish === 'length') add('chat.cut');
    return facts;
  }

  /// To the end, unless the reader has scrolled up.
  scroll(always = false) {
    const rest = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight;
    if (always || rest < 160) this.log.scrollTop = this.log.scrollHeight;
  }

  clear() {
    this.running?.abort();
    for (const turn of this.turns) for (const file of turn.files) file.release();
    this.turns = [];
    this.log.replaceChildren();
    this.log.hidden = this.head.hidden = true;
    this.fresh.hidden = false;
    this.root.classList.add('is-empty');
    this.field.focus();
  }
}
