import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../src/main.js', import.meta.url))

test('a wrong setting ends the program with one line on standard error', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main], { env: {}, encoding: 'utf8' })
  assert.equal(status, 1)
  assert.equal(stdout, '')
  assert.match(stderr, /^api-node: DATABASE_URL is not set; [^\n]+\n$/)
})
