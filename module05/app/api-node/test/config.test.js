import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { ConfigError, loadConfig } from '../src/config.js'

const secret = 's3cret'
const good = `postgres://ada:${secret}@db:5433/app`

let directory
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'api-node-'))
})
after(() => rmSync(directory, { recursive: true }))

function fileWith(content) {
  const path = join(directory, 'database-url')
  writeFileSync(path, content)
  return path
}

describe('good settings', () => {
  test('have defaults', () => {
    assert.deepEqual(loadConfig({ DATABASE_URL: good }), { port: 3000, logLevel: 'info', databaseURL: good })
  })

  test('choose port and level', () => {
    const config = loadConfig({ DATABASE_URL: good, PORT: '9090', LOG_LEVEL: 'debug' })
    assert.equal(config.port, 9090)
    assert.equal(config.logLevel, 'debug')
  })

  test('may have the other scheme', () => {
    const other = good.replace('postgres:', 'postgresql:')
    assert.equal(loadConfig({ DATABASE_URL: other }).databaseURL, other)
  })

  test('may come from a file, with a line break at its end', () => {
    assert.equal(loadConfig({ DATABASE_URL_FILE: fileWith(`${good}\n`) }).databaseURL, good)
  })

  test('an empty variable counts as not set', () => {
    const config = loadConfig({ DATABASE_URL: good, DATABASE_URL_FILE: '', PORT: '', LOG_LEVEL: '' })
    assert.deepEqual(config, { port: 3000, logLevel: 'info', databaseURL: good })
  })
})

describe('bad settings', () => {
  const cases = [
    ['no database', {}, /^DATABASE_URL is not set/],
    ['two databases', { DATABASE_URL: good, DATABASE_URL_FILE: '/url' }, /both set/],
    ['blank URL', { DATABASE_URL: ' ' }, /^DATABASE_URL is empty/],
    ['no URL', { DATABASE_URL: secret }, /^DATABASE_URL is not a PostgreSQL URL/],
    ['other database', { DATABASE_URL: `mysql://ada:${secret}@db/app` }, /not a PostgreSQL URL/],
    ['no host', { DATABASE_URL: `postgres://ada:${secret}@/app` }, /not a PostgreSQL URL/],
    ['no host and no user', { DATABASE_URL: 'postgres:///app' }, /not a PostgreSQL URL/],
    ['bad port', { DATABASE_URL: `postgres://ada:${secret}@db:port/app` }, /not a PostgreSQL URL/],
    ['bad escape', { DATABASE_URL: `postgres://ada:${secret}%@db/app` }, /not a PostgreSQL URL/],
    ['missing file', { DATABASE_URL_FILE: '/does/not/exist' }, /^DATABASE_URL_FILE cannot be read/],
    ['empty file', () => ({ DATABASE_URL_FILE: fileWith('\n') }), /DATABASE_URL_FILE \(.*\) is empty/],
    ['bad file', () => ({ DATABASE_URL_FILE: fileWith(secret) }), /DATABASE_URL_FILE \(.*\) is not a PostgreSQL URL/],
    ['port a word', { DATABASE_URL: good, PORT: 'http' }, /^PORT is/],
    ['port too high', { DATABASE_URL: good, PORT: '65536' }, /^PORT is/],
    ['port zero', { DATABASE_URL: good, PORT: '0' }, /^PORT is/],
    ['unknown level', { DATABASE_URL: good, LOG_LEVEL: 'loud' }, /^LOG_LEVEL is/],
  ]
  for (const [name, env, message] of cases) {
    test(name, () => {
      assert.throws(
        () => loadConfig(typeof env === 'function' ? env() : env),
        (error) => {
          assert.ok(error instanceof ConfigError)
          assert.match(error.message, message)
          assert.ok(!error.message.includes(secret), 'shows the password')
          assert.ok(!error.message.includes('\n'), 'is more than one line')
          return true
        },
      )
    })
  }
})
