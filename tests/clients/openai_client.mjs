// OpenAI's client for Node.js.
import {readFileSync} from 'node:fs';
import {isDeepStrictEqual} from 'node:util';

const {OKO_TEST_ADDRESS, OKO_TEST_KEY, OKO_TEST_TRUTH, OKO_TEST_SOURCE} = process.env;
const truth = JSON.parse(OKO_TEST_TRUTH);
const model = 'tiny-vl', embedder = 'e5-small-ru-en', texts = ['hello', 'привет, мир'];
const picture = readFileSync(`${OKO_TEST_SOURCE}/demo/images/hearts.jpg`).toString('base64');
const questions = {en: 'Describe this image.', ru: 'Опиши это изображение.'};

function check(isTrue, what) {
  if (!isTrue) throw new Error(JSON.stringify(what));
}

function same(actual, expected) {
  check(isDeepStrictEqual(actual, expected), {actual, expected});
}

function question(lang) {
  return {model, messages: [{role: 'user', content: [
    {type: 'image_url', image_url: {url: `data:image/jpeg;base64,${picture}`}},
    {type: 'text', text: questions[lang]}]}]};
}

function near(actual, expected) {
  same(actual.length, expected.length);
  check(actual.every((value, i) => Math.abs(value - expected[i]) < 1e-6), actual.slice(0, 3));
}

async function raises(kind, call) {
  try {
    await call();
  } catch (error) {
    check(error instanceof kind, `${error}, expected ${kind.name}`);
    return error;
  }
  throw new Error(`no ${kind.name}`);
}

const tests = {
  async 'chat in both languages'(client) {
    for (const lang of ['en', 'ru']) {
      const answer = await client.chat.completions.create(question(lang));
      same(answer.choices[0].message.content, truth[lang]);
    }
  },

  async 'chat stream with usage'(client) {
    const whole = await client.chat.completions.create(question('ru'));
    const stream = await client.chat.completions.create(
        {...question('ru'), stream: true, stream_options: {include_usage: true}});
    let text = '', usage = null;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage ?? usage;
    }
    same(text, truth.ru);
    same(usage.completion_tokens, whole.usage.completion_tokens);
  },

  async 'tools, streamed'(client) {
    const parameters = {type: 'object', required: ['city'], properties: {
      city: {enum: ['Москва', 'Oslo']}}, additionalProperties: false};
    const stream = client.chat.completions.stream({model,
      messages: [{role: 'user', content: 'Погода?'}], tool_choice: 'required',
      parallel_tool_calls: false,
      tools: [{type: 'function', function: {name: 'get_weather', parameters, strict: true}}]});
    const {finish_reason, message} = (await stream.finalChatCompletion()).choices[0];
    same(finish_reason, 'tool_calls');
    const call = message.tool_calls[0].function;
    same(call.name, 'get_weather');
    check(['Москва', 'Oslo'].includes(JSON.parse(call.arguments).city), call);
  },

  async 'structured output'(client) {
    const schema = {type: 'object', required: ['count'], additionalProperties: false,
      properties: {count: {enum: [2, 4]}}};
    const answer = await client.chat.completions.create({...question('en'), response_format: {
      type: 'json_schema', json_schema: {name: 'hearts', strict: true, schema}}});
    check([2, 4].includes(JSON.parse(answer.choices[0].message.content).count), answer);
  },

  async 'responses'(client) {
    const input = [{role: 'user', content: [
      {type: 'input_image', image_url: `data:image/jpeg;base64,${picture}`, detail: 'auto'},
      {type: 'input_text', text: questions.en}]}];
    same((await client.responses.create({model, input})).output_text, truth.en);
    let text = '';
    for await (const event of await client.responses.create({model, input, stream: true})) {
      if (event.type === 'response.output_text.delta') text += event.delta;
    }
    same(text, truth.en);
  },

  async 'tools of responses, streamed'(client) {
    const parameters = {type: 'object', required: ['city'], properties: {
      city: {enum: ['Москва', 'Oslo']}}, additionalProperties: false};
    const input = [{role: 'user', content: 'Погода?'}];
    const given = {model, parallel_tool_calls: false, store: false,
      tools: [{type: 'function', name: 'get_weather', parameters, strict: true}]};
    const stream = client.responses.stream({...given, input, tool_choice: 'required'});
    let text = '';
    for await (const event of stream) {
      if (event.type === 'response.function_call_arguments.delta') text += event.delta;
    }
    const [call] = (await stream.finalResponse()).output;
    same([call.type, call.name, call.arguments], ['function_call', 'get_weather', text]);
    check(['Москва', 'Oslo'].includes(JSON.parse(text).city), call);
    input.push(call, {type: 'function_call_output', call_id: call.call_id, output: 'snow'});
    const answer = await client.responses.create({...given, input, max_output_tokens: 4});
    check(answer.usage.output_tokens <= 4, answer);
  },

  async 'embeddings, which this client asks for in base64'(client) {
    for (const form of [{}, {encoding_format: 'float'}]) {
      const {data} = await client.embeddings.create({model: embedder, input: texts, ...form});
      data.forEach(({embedding}, i) => near(embedding, truth.vectors[i]));
    }
  },

  async 'models'(client) {
    const names = [];
    for await (const one of await client.models.list()) names.push(one.id);
    same(names, [model, embedder]);
  },

  async 'errors'(client, OpenAI) {
    const unknown = await raises(OpenAI.NotFoundError,
        () => client.chat.completions.create({...question('en'), model: 'none'}));
    check(unknown.message.includes('oko pull qwen3-vl-4b'), unknown.message);
    const refused = await raises(OpenAI.BadRequestError,
        () => client.chat.completions.create({...question('en'), temperature: -1}));
    same(refused.param, 'temperature');
    await raises(OpenAI.AuthenticationError,
        () => client.withOptions({apiKey: 'wrong'}).models.list());
  },
};

let failed = 0;
// Today's wants Node.js 22, and was seen to run with 20.
const isOld = Number.parseInt(process.versions.node) < 20;
for (const name of isOld ? ['openai-6'] : ['openai', 'openai-6']) {
  const {default: OpenAI} = await import(name);
  const client = new OpenAI(
      {baseURL: `${OKO_TEST_ADDRESS}/v1`, apiKey: OKO_TEST_KEY, maxRetries: 0});
  for (const [title, test] of Object.entries(tests)) {
    try {
      await test(client, OpenAI);
      console.log(`ok      ${name}: ${title}`);
    } catch (error) {
      ++failed;
      console.log(`failed  ${name}: ${title}: ${error.stack}`);
    }
  }
}
process.exitCode = failed > 0 ? 1 : 0;
