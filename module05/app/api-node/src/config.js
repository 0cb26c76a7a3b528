import { readFileSync } from 'node:fs'

import pg from 'pg'

const defaultPort = 3000
const logLevels = ['debug', 'info', 'warn', 'error']
const exampleURL = 'postgres://user:password@host:5432/database'

// A setting is wrong. The message names the variable and what to do about it.
export class ConfigError extends Error {}

// What the environment chooses. An empty variable counts as not set.
export function loadConfig(env) {
  return {
    port: parsePort(env.PORT),
    logLevel: parseLogLevel(env.LOG_LEVEL),
    databaseURL: readDatabaseURL(env),
  }
}

function parsePort(value) {
  if (!value) return defaultPort
  const port = Number(value)
  if (!/^\d+$/.test(value) || port < 1 || port > 65535) {
    throw new ConfigError(`PORT is "${value}"; set it to a number from 1 to 65535`)
  }
  return port
}

function parseLogLevel(value) {
  if (!value) return 'info'
  if (!logLevels.includes(value)) {
    throw new ConfigError(`LOG_LEVEL is "${value}"; set it to debug, info, warn or error`)
  }
  return value
}

// The file is for secrets: unlike a variable, it isn't shown by docker inspect and isn't passed on to child
// processes.
function readDatabaseURL({ DATABASE_URL: value, DATABASE_URL_FILE: file }) {
  if (!value && !file) {
    throw new ConfigError(
      `DATABASE_URL is not set; set it to ${exampleURL}, or set DATABASE_URL_FILE to a file that contains it`,
    )
  }
  if (value && file) {
    throw new ConfigError('DATABASE_URL and DATABASE_URL_FILE are both set; remove one of them')
  }
  if (value) return checkDatabaseURL('DATABASE_URL', value)

  let content
  try {
    content = readFileSync(file, 'utf8')
  } catch (error) {
    throw new ConfigError(
      `DATABASE_URL_FILE cannot be read: ${error.message}; check the path, and that this user may read the file`,
    )
  }
  return checkDatabaseURL(`the content of DATABASE_URL_FILE (${file})`, content)
}

// Leaves out of its errors what the parsers say: they repeat parts of the text, and a part of a text that isn't
// understood may be the password.
function checkDatabaseURL(source, text) {
  const trimmed = text.trim()
  if (!trimmed) {
    throw new ConfigError(`${source} is empty; it should look like ${exampleURL}`)
  }
  if (!isDatabaseURL(trimmed)) {
    throw new ConfigError(
      `${source} is not a PostgreSQL URL; it should look like ${exampleURL}, with special characters in the password percent-encoded`,
    )
  }
  return trimmed
}

function isDatabaseURL(text) {
  try {
    const { protocol, hostname } = new URL(text)
    decodeURIComponent(text) // throws at a % that begins no code
    new pg.Client({ connectionString: text }) // doesn't connect, but reads the URL as it will be read later
    return (protocol === 'postgres:' || protocol === 'postgresql:') && hostname !== ''
  } catch {
    return false
  }
}
