import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, createServer, get } from 'node:http'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { createApp } from '../src/app.js'
import { createLogger } from '../src/logger.js'
import { createShutdown } from '../src/shutdown.js'

// A server with one request in flight, which is answered when the database is released. Its client would like to
// keep the connection.
async function serve(t, limit) {
  const logged = []
  const log = createLogger('info', { write: (line) => logged.push(JSON.parse(line)) })
  const arrived = deferred()
  const released = deferred()
  const database = {
    closed: false,
    async now() {
      arrived.resolve()
      await released.promise
      return new Date()
    },
    async close() {
      this.closed = true
    },
  }
  const server = createServer(createApp({ database, log })).listen(0, '127.0.0.1')
  server.keepAliveTimeout = 60_000
  await once(server, 'listening')

  const agent = new Agent({ keepAlive: true })
  t.after(() => {
    agent.destroy()
    server.closeAllConnections()
  })
  const answer = new Promise((resolve, reject) => {
    get({ port: server.address().port, agent }, (response) => resolve(text(response))).on('error', reject)
  })
  answer.catch(() => {}) // a test may end it
  await arrived.promise
  return { shutdown: createShutdown({ server, database, log, limit }), release: released.resolve, answer, database, logged }
}

// Promise.withResolvers() is this, from Node 22 on.
function deferred() {
  let resolve
  const promise = new Promise((done) => {
    resolve = done
  })
  return { promise, resolve }
}

test('a request in flight is finished before the server stops', async (t) => {
  const { shutdown, release, answer, database, logged } = await serve(t, 60_000)
  let stopped = false
  const stopping = shutdown('SIGTERM').then(() => {
    stopped = true
  })
  await sleep(100)
  assert.equal(stopped, false)
  assert.equal(database.closed, false)

  release()
  assert.match(await answer, /"api":"node"/)
  const start = performance.now()
  await stopping
  assert.ok(performance.now() - start < 1_000, 'waited for a connection that was kept alive')
  assert.equal(database.closed, true)
  assert.deepEqual(
    logged.map(({ msg, signal }) => [msg, signal]),
    [
      ['stopping', 'SIGTERM'],
      ['request', undefined],
      ['stopped', undefined],
    ],
  )
})

test('a request that never ends does not hold up the stop forever', async (t) => {
  const { shutdown } = await serve(t, 50)
  await assert.rejects(shutdown('SIGINT'), /some still ran after 0.05s/)
})
