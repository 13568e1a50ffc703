// All words of the page, in both languages. A value with forms is chosen by `n`.
import {setTranslator, store, translateAll} from './dom.js';

const ENGLISH = {
  'skip': 'Skip to content',
  'pages': 'Pages',
  'theme.dark': 'Dark theme',
  'theme.light': 'Light theme',
  'drop.here': 'Drop to add',
  'copy': 'Copy',
  'copy.all': 'Copy all',
  'stop': 'Stop',
  'again': 'Try again',
  'add': 'Add',
  'pick': 'Pick pictures or PDFs',
  'close': 'Close',
  'remove': 'Remove {name}',
  'n.tokens': {one: '{n} token', other: '{n} tokens'},

  'model': 'Model',
  'model.none': 'No vision model yet',
  'model.none.help': 'Get one in a terminal, then come back:',

  'chat': 'Chat',
  'chat.title': 'What is in the picture?',
  'chat.lead': 'Drop a picture or a PDF here, paste one, or pick it. Then ask. ' +
      'Nothing leaves this machine.',
  'chat.log': 'Conversation',
  'chat.you': 'You',
  'chat.message': 'Question',
  'chat.placeholder': 'Ask about the picture',
  'chat.attach': 'Add pictures or PDFs',
  'chat.send': 'Send',
  'chat.new': 'New chat',
  'chat.keys': 'Enter sends, Shift+Enter starts a new line',
  'chat.settings': 'Settings of the answer',
  'chat.system': 'Instruction for the whole chat',
  'chat.length': 'Maximum length, in tokens',
  'chat.ocr': 'Read the text of pictures first',
  'chat.ocr.server': 'As oko serve was started',
  'chat.ocr.auto': 'If there is text, and memory for it',
  'chat.ocr.on': 'Always',
  'chat.ocr.off': 'Never',
  'chat.temperature': 'Creativity (temperature)',
  'chat.temperature.help': '0 gives the same answer each time',
  'chat.idea.describe.name': 'Describe it',
  'chat.idea.describe': 'Describe this image.',
  'chat.idea.read.name': 'Read its text',
  'chat.idea.read': 'Read all the text in the picture.',
  'chat.idea.find.name': 'Find things',
  'chat.idea.find': 'Find every object. Answer in JSON: bbox_2d and label of each.',
  'chat.ideas': 'Ideas',
  'chat.reading': 'Looking at the picture',
  'chat.thinking': 'Thinking',
  'chat.stopped': 'stopped',
  'chat.cut': 'cut off at the maximum length; raise it in the settings',
  'chat.speed': '{speed} tokens/s',
  'chat.first': 'first word after {seconds} s',
  'chat.answered': 'Answer: {text}',
  'chat.working': 'Sent',

  'text': 'Text',
  'ocr.title': 'Text you can copy',
  'ocr.lead': 'Drop a photo of a page, a screenshot or a PDF. Then select its words right in ' +
      'the picture.',
  'ocr.boxes': 'Show lines',
  'ocr.save': 'Save',
  'ocr.ask': 'Ask',
  'ocr.documents': 'Files',
  'ocr.pages': 'What was read',
  'ocr.page': 'Page {n}',
  'ocr.reading': 'Reading the text',
  'ocr.waiting': 'Waiting for the files before it',
  'ocr.none': 'No text was found here.',
  'ocr.done': 'The text of {name} is ready.',

  'captions': 'Captions',
  'captions.title': 'A caption for each picture',
  'captions.lead': 'Drop a whole folder of pictures. oko writes a caption for each, which you ' +
      'can edit, copy and save as a table.',
  'captions.clear': 'Remove all',
  'captions.prompt': 'Task',
  'captions.csv': 'CSV',
  'captions.json': 'JSON',
  'captions.progress': 'Captions that are done',
  'captions.count': '{done} of {all}',
  'captions.of': 'Caption of {name}',
  'captions.waiting': 'Waiting',
  'captions.stopped': 'Stopped',
  'captions.done': {one: '{n} caption is ready.', other: '{n} captions are ready.'},

  'search': 'Search',
  'search.query': 'What to look for',
  'search.placeholder': 'What are you looking for?',
  'search.kinds': 'Which files',
  'search.kind.all': 'All',
  'search.kind.picture': 'Pictures',
  'search.kind.pdf': 'PDF',
  'search.kind.text': 'Texts',
  'search.results': 'What was found',
  'search.title': 'Find it by what it says',
  'search.lead': 'Ask in English or Russian: words in a photo, the sense of a page, a number on ' +
      'a receipt.',
  'search.count': {one: '{shown} file is in the library',
    other: '{shown} files are in the library'},
  'search.none.title': 'No library yet',
  'search.none.lead': 'oko reads pictures, PDFs and texts into a library on this machine. Make ' +
      'one in a terminal, then come back:',
  'search.nothing.title': 'Nothing was found',
  'search.nothing.lead': 'Say it in other words, or look among all kinds of files.',
  'search.found': {one: '{n} passage', other: '{n} passages'},
  'search.open': 'Open {name}',
  'search.path': 'Copy the path',

  'library.folders': 'Folders that may be indexed',
  'library.index': 'Index',
  'library.caption': 'Describe pictures and scans, too, to find them by what they show (slow)',
  'library.first': 'Index a folder of this machine above: oko reads its pictures, PDFs and texts.',
  'library.command': 'Add folders in a terminal:',
  'library.allow': 'To do it from this page, allow it folders:',
  'library.progress': 'Files that are read',
  'library.starting': 'Looking for files',
  'library.reading': {one: '{done} of {all} file', other: '{done} of {all} files'},
  'library.describing': {one: 'describing {done} of {all} picture',
    other: 'describing {done} of {all} pictures'},
  'library.left': '{time} left',
  'library.stopping': 'Stopping',
  'library.stopped': 'Stopped. What is done stays done.',
  'library.failed': 'Indexing has failed.',
  'library.added': '{shown} added',
  'library.updated': '{shown} updated',
  'library.moved': '{shown} moved',
  'library.removed': '{shown} removed',
  'library.captioned': '{shown} described',
  'library.same': 'Nothing has changed.',
  'library.unread': {one: '{shown} file could not be read',
    other: '{shown} files could not be read'},
  'library.more': 'and {n} more',
  'library.again': 'Read again',

  'memory': 'Memory',
  'memory.used': '{used} of {budget}',
  'memory.weights': 'Models',
  'memory.caches': 'Caches',
  'memory.other': 'Work and everything else',
  'memory.need': 'Both default models together would take {need}.',

  'boxes.found': {one: '{n} place in the picture', other: '{n} places in the picture'},
  'boxes.which': 'Which picture does the answer mean?',
  'boxes.raw': 'As the model wrote it',
  'boxes.picture': 'Picture with the places that the model found',

  'error.offline': 'oko does not answer.',
  'error.offline.help': 'Is "oko serve" still running? Start it, then try again.',
  'error.cut': 'The answer broke off.',
  'error.cut.help': 'The connection to oko has ended. Try again.',
  'error.large': '{name} is too large: {size}.',
  'error.large.help': 'The pictures of one question can be {limit} in total.',
  'error.kind': '{name} is neither a picture nor a PDF.',
  'error.unreadable': '{name} cannot be read.',
  'error.unreadable.help': 'It may have been moved or deleted. Add it again.',
  'error.unknown': 'The server answered {status}.',

  'key.title': 'This oko asks for a key',
  'key.lead': 'It was started with --api-key or OKO_API_KEY. The key stays in this tab alone.',
  'key.label': 'Key',
  'key.use': 'Use it',
  'key.wrong': 'That is not the key.',
};

const RUSSIAN = {
  'skip': 'К содержанию',
  'pages': 'Страницы',
  'theme.dark': 'Тёмная тема',
  'theme.light': 'Светлая тема',
  'drop.here': 'Отпустите, чтобы добавить',
  'copy': 'Скопировать',
  'copy.all': 'Скопировать всё',
  'stop': 'Остановить',
  'again': 'Ещё раз',
  'add': 'Добавить',
  'pick': 'Выбрать картинки или PDF',
  'close': 'Закрыть',
  'remove': 'Убрать {name}',
  'n.tokens': {one: '{n} токен', few: '{n} токена', many: '{n} токенов', other: '{n} токена'},

  'model': 'Модель',
  'model.none': 'Модели, понимающей картинки, пока нет',
  'model.none.help': 'Скачайте её в терминале и возвращайтесь:',

  'chat': 'Разговор',
  'chat.title': 'Что на картинке?',
  'chat.lead': 'Перетащите сюда картинку или PDF, вставьте или выберите файл и задайте вопрос. ' +
      'Всё остаётся на этой машине.',
  'chat.log': 'Разговор',
  'chat.you': 'Вы',
  'chat.message': 'Вопрос',
  'chat.placeholder': 'Спросите о картинке',
  'chat.attach': 'Добавить картинки или PDF',
  'chat.send': 'Отправить',
  'chat.new': 'Новый разговор',
  'chat.keys': 'Enter — отправить, Shift+Enter — новая строка',
  'chat.settings': 'Настройки ответа',
  'chat.system': 'Инструкция для всего разговора',
  'chat.length': 'Предельная длина ответа, в токенах',
  'chat.ocr': 'Сначала прочитать текст на картинках',
  'chat.ocr.server': 'Как при запуске oko serve',
  'chat.ocr.auto': 'Если он есть и хватает памяти',
  'chat.ocr.on': 'Всегда',
  'chat.ocr.off': 'Никогда',
  'chat.temperature': 'Температура',
  'chat.temperature.help': 'при 0 ответ каждый раз один и тот же',
  'chat.idea.describe.name': 'Описать',
  'chat.idea.describe': 'Опиши это изображение.',
  'chat.idea.read.name': 'Прочитать текст',
  'chat.idea.read': 'Прочитай весь текст на картинке.',
  'chat.idea.find.name': 'Найти предметы',
  'chat.idea.find': 'Найди все предметы. Ответь в JSON: bbox_2d и label каждого.',
  'chat.ideas': 'Что можно спросить',
  'chat.reading': 'Рассматриваю картинку',
  'chat.thinking': 'Думаю',
  'chat.stopped': 'остановлено',
  'chat.cut': 'обрезано по длине; в настройках её можно увеличить',
  'chat.speed': '{speed} ток./с',
  'chat.first': 'первое слово через {seconds} с',
  'chat.answered': 'Ответ: {text}',
  'chat.working': 'Отправлено',

  'text': 'Текст',
  'ocr.title': 'Текст с картинки',
  'ocr.lead': 'Перетащите сюда фото страницы, снимок экрана или PDF — и выделяйте слова прямо на ' +
      'картинке.',
  'ocr.boxes': 'Строки',
  'ocr.save': 'Сохранить',
  'ocr.ask': 'Спросить',
  'ocr.documents': 'Файлы',
  'ocr.pages': 'Прочитанное',
  'ocr.page': 'Страница {n}',
  'ocr.reading': 'Читаю текст',
  'ocr.waiting': 'В очереди',
  'ocr.none': 'Текста здесь не нашлось.',
  'ocr.done': 'Текст {name} готов.',

  'captions': 'Подписи',
  'captions.title': 'Подпись к каждой картинке',
  'captions.lead': 'Перетащите сюда сразу много картинок. oko подпишет каждую, а подписи можно ' +
      'поправить, скопировать и сохранить таблицей.',
  'captions.clear': 'Убрать все',
  'captions.prompt': 'Задание',
  'captions.csv': 'CSV',
  'captions.json': 'JSON',
  'captions.progress': 'Сколько подписей готово',
  'captions.count': '{done} из {all}',
  'captions.of': 'Подпись к {name}',
  'captions.waiting': 'В очереди',
  'captions.stopped': 'Остановлено',
  'captions.done': {one: 'Готова {n} подпись.', few: 'Готовы {n} подписи.',
    many: 'Готово {n} подписей.', other: 'Готово {n} подписи.'},

  'search': 'Поиск',
  'search.query': 'Что искать',
  'search.placeholder': 'Что вы ищете?',
  'search.kinds': 'Какие файлы',
  'search.kind.all': 'Все',
  'search.kind.picture': 'Картинки',
  'search.kind.pdf': 'PDF',
  'search.kind.text': 'Тексты',
  'search.results': 'Найденное',
  'search.title': 'Найти по тому, что там написано',
  'search.lead': 'Спросите по-русски или по-английски: слова на фото, смысл страницы, число из ' +
      'чека.',
  'search.count': {one: 'В библиотеке {shown} файл', few: 'В библиотеке {shown} файла',
    many: 'В библиотеке {shown} файлов', other: 'В библиотеке {shown} файла'},
  'search.none.title': 'Библиотеки пока нет',
  'search.none.lead': 'oko читает картинки, PDF и тексты в библиотеку на этой машине. Создайте ' +
      'её в терминале и возвращайтесь:',
  'search.nothing.title': 'Ничего не нашлось',
  'search.nothing.lead': 'Скажите иначе или поищите среди всех файлов.',
  'search.found': {one: '{n} отрывок', few: '{n} отрывка', many: '{n} отрывков',
    other: '{n} отрывка'},
  'search.open': 'Открыть {name}',
  'search.path': 'Скопировать путь',

  'library.folders': 'Папки, которые можно индексировать',
  'library.index': 'Индексировать',
  'library.caption': 'Заодно описать картинки и сканы, чтобы находить их по тому, что на них ' +
      '(долго)',
  'library.first': 'Проиндексируйте выше папку этой машины: oko прочитает её картинки, PDF и ' +
      'тексты.',
  'library.command': 'Добавьте папки в терминале:',
  'library.allow': 'Чтобы делать это отсюда, разрешите папки:',
  'library.progress': 'Сколько файлов прочитано',
  'library.starting': 'Ищу файлы',
  'library.reading': {one: '{done} из {all} файла', few: '{done} из {all} файлов',
    many: '{done} из {all} файлов', other: '{done} из {all} файла'},
  'library.describing': {one: 'описываю {done} из {all} картинки',
    few: 'описываю {done} из {all} картинок', many: 'описываю {done} из {all} картинок',
    other: 'описываю {done} из {all} картинки'},
  'library.left': 'осталось {time}',
  'library.stopping': 'Останавливаю',
  'library.stopped': 'Остановлено. Сделанное сохранено.',
  'library.failed': 'Индексация не удалась.',
  'library.added': 'добавлено {shown}',
  'library.updated': 'обновлено {shown}',
  'library.moved': 'перемещено {shown}',
  'library.removed': 'убрано {shown}',
  'library.captioned': 'описано {shown}',
  'library.same': 'Ничего не изменилось.',
  'library.unread': {one: 'Не прочитан {shown} файл', few: 'Не прочитаны {shown} файла',
    many: 'Не прочитано {shown} файлов', other: 'Не прочитано {shown} файла'},
  'library.more': 'и ещё {n}',
  'library.again': 'Прочитать снова',

  'memory': 'Память',
  'memory.used': '{used} из {budget}',
  'memory.weights': 'Модели',
  'memory.caches': 'Кэши',
  'memory.other': 'Работа и всё остальное',
  'memory.need': 'Обе модели по умолчанию вместе заняли бы {need}.',

  'boxes.found': {one: '{n} место на картинке', few: '{n} места на картинке',
    many: '{n} мест на картинке', other: '{n} места на картинке'},
  'boxes.which': 'О какой картинке этот ответ?',
  'boxes.raw': 'Как это написала модель',
  'boxes.picture': 'Картинка с местами, которые нашла модель',

  'error.offline': 'oko не отвечает.',
  'error.offline.help': 'Работает ли ещё «oko serve»? Запустите его и попробуйте ещё раз.',
  'error.cut': 'Ответ оборвался.',
  'error.cut.help': 'Соединение с oko прервалось. Попробуйте ещё раз.',
  'error.large': '{name} слишком велик: {size}.',
  'error.large.help': 'Все картинки одного вопроса могут занимать {limit}.',
  'error.kind': '{name} — не картинка и не PDF.',
  'error.unreadable': 'Не удалось прочитать {name}.',
  'error.unreadable.help': 'Возможно, файл перенесли или удалили. Добавьте его снова.',
  'error.unknown': 'Сервер ответил {status}.',

  'key.title': 'Этот oko просит ключ',
  'key.lead': 'Его запустили с --api-key или OKO_API_KEY. Ключ останется только в этой вкладке.',
  'key.label': 'Ключ',
  'key.use': 'Войти',
  'key.wrong': 'Это не тот ключ.',
};

const TEXTS = {en: ENGLISH, ru: RUSSIAN};

export const language = () => document.documentElement.lang;

/// The text `name`, with {x} replaced from `vars`.
export function text(name, vars = {}) {
  let found = TEXTS[language()][name];
  if (found === undefined) throw new Error(`no text ${name}`);
  if (typeof found === 'object') {
    found = found[new Intl.PluralRules(language()).select(vars.n)] ?? found.other;
  }
  return found.replace(/\{(\w+)\}/g, (_, key) => vars[key]);
}

/// A number as the language writes it.
export function number(value, digits = 0) {
  return new Intl.NumberFormat(language(),
      {minimumFractionDigits: 0, maximumFractionDigits: digits}).format(value);
}

/// "42 s", "3 min", "2 h 5 min".
export function duration(seconds) {
  const unit = (value, name) => new Intl.NumberFormat(language(),
      {style: 'unit', unit: name, unitDisplay: 'short'}).format(value);
  if (seconds < 60) return unit(Math.round(seconds), 'second');
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return unit(minutes, 'minute');
  return `${unit(Math.floor(minutes / 60), 'hour')} ${unit(minutes % 60, 'minute')}`;
}

const UNITS = {
  en: ['bytes', 'KB', 'MB', 'GB'],
  ru: ['байт', 'КБ', 'МБ', 'ГБ'],
};

/// Bytes for people; `step` 1024 for memory, 1000 for files.
export function size(bytes, step = 1000) {
  let unit = 0;
  for (; bytes >= step && unit < 3; ++unit) bytes /= step;
  return `${number(bytes, bytes < 10 && unit > 0 ? 1 : 0)}\u00a0${UNITS[language()][unit]}`;
}

setTranslator((node) => {
  const {t, tLabel, tTitle, tPlaceholder, tVars} = node.dataset;
  const vars = tVars ? JSON.parse(tVars) : {};
  if (t) node.textContent = text(t, vars);
  if (tLabel) node.setAttribute('aria-label', text(tLabel, vars));
  if (tTitle) node.title = text(tTitle, vars);
  if (tPlaceholder) node.placeholder = text(tPlaceholder, vars);
});

const watchers = [];

/// Calls `watcher` after each change of the language.
export function onLanguage(watcher) {
  watchers.push(watcher);
}

export function setLanguage(chosen) {
  document.documentElement.lang = chosen;
  store('language', chosen);
  translateAll(document);
  for (const watcher of watchers) watcher();
}

/// The names that both languages must have, for the tests.
export const names = () => ({en: Object.keys(ENGLISH), ru: Object.keys(RUSSIAN)});
