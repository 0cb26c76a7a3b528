import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { describe, test } from 'node:test'

import { createApp } from '../src/app.js'
import { createLogger } from '../src/logger.js'

const answers = { now: async () => new Date('2026-03-01T13:00:00+01:00') }
const refuses = {
  now: async () => {
    throw new Error('connection refused')
  },
}

// Serves one test, with what was logged as a list of objects.
async function serve(t, database) {
  const logged = []
  const log = createLogger('debug', { write: (line) => logged.push(JSON.parse(line)) })
  const server = createServer(createApp({ database, log })).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return { url: `http://127.0.0.1:${server.address().port}`, logged }
}

describe('answers', () => {
  const text = 'text/plain; charset=utf-8'
  const json = 'application/json; charset=utf-8'
  const away = 'the database does not answer: connection refused'
  const cases = [
    ['the time', answers, 'GET', '/', 200, json, '{"api":"node","now":"2026-03-01T12:00:00.000Z"}'],
    ['the database is away', refuses, 'GET', '/', 503, json, `{"error":"${away}"}`],
    ['ping', refuses, 'GET', '/ping', 200, text, 'pong'],
    ['healthy', answers, 'GET', '/healthz', 200, json, '{"status":"ok"}'],
    ['unhealthy', refuses, 'GET', '/healthz', 503, json, `{"status":"unavailable","error":"${away}"}`],
    ['another path', answers, 'GET', '/other', 404, json, '{"error":"not found"}'],
    ['another method', answers, 'POST', '/', 404, json, '{"error":"not found"}'],
  ]
  for (const [name, database, method, path, status, type, body] of cases) {
    test(name, async (t) => {
      const { url } = await serve(t, database)
      const response = await fetch(url + path, { method })
      assert.equal(response.status, status)
      assert.equal(response.headers.get('content-type'), type)
      assert.equal(await response.text(), body)
    })
  }
})

test('the database is asked on request only, and may come back', async (t) => {
  let questions = 0
  let away = true
  const { url } = await serve(t, {
    now: (limit) => {
      questions++
      return away ? refuses.now(limit) : answers.now(limit)
    },
  })
  await fetch(`${url}/ping`)
  assert.equal(questions, 0)
  assert.equal((await fetch(url)).status, 503)
  away = false
  assert.equal((await fetch(url)).status, 200)
})

test('the limit is short for the health check', async (t) => {
  const limits = []
  const { url } = await serve(t, {
    now: async (limit) => {
      limits.push(limit)
      return new Date()
    },
  })
  await fetch(url)
  await fetch(`${url}/healthz`)
  assert.deepEqual(limits, [10_000, 2_000])
})

test('each request is logged when it arrives and when it is answered', async (t) => {
  const { url, logged } = await serve(t, refuses)
  await (await fetch(url)).text()
  while (logged.at(-1).msg !== 'request') await new Promise(setImmediate)

  assert.deepEqual(
    logged.map(({ level, msg }) => `${level} ${msg}`),
    ['debug request received', 'error the database does not answer', 'info request'],
  )
  const { time, method, path, status, duration_ms } = logged.at(-1)
  assert.match(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  assert.deepEqual({ method, path, status }, { method: 'GET', path: '/', status: 503 })
  assert.equal(typeof duration_ms, 'number')
})
