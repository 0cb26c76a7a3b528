import { act, cleanup, fireEvent, render, screen, within } from '@testing-library/react'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import App from './App.jsx'
import { interval } from './useApi.js'

// What the server answers, by path. Tests change it as they go.
let answers

function json(status, body) {
  return () => Promise.resolve(new Response(JSON.stringify(body), { status }))
}

function time(api, now = '2026-03-01T12:00:00Z') {
  return json(200, { api, now })
}

beforeEach(() => {
  vi.useFakeTimers()
  answers = { '/api/golang/': time('golang'), '/api/node/': time('node') }
  vi.stubGlobal('fetch', vi.fn((path) => answers[path]()))
})

afterEach(() => {
  cleanup()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

// Lets time pass, and the page take notice.
function pass(milliseconds) {
  return act(() => vi.advanceTimersByTimeAsync(milliseconds))
}

function card(id) {
  return within(screen.getByTestId(id))
}

describe('a card', () => {
  test('waits for the first answer', () => {
    answers['/api/golang/'] = () => new Promise(() => {})
    render(<App />)
    expect(card('api-golang').getByRole('status').textContent).toBe('Waiting')
  })

  test('shows the time of the database', async () => {
    render(<App />)
    await pass(0)
    for (const api of ['golang', 'node']) {
      const shown = card(`api-${api}`)
      expect(shown.getByRole('heading').textContent).toBe(`api-${api}`)
      expect(shown.getByRole('status').textContent).toBe('Answers')
      expect(shown.getByText('12:00:00').closest('time').dateTime).toBe('2026-03-01T12:00:00Z')
      expect(shown.getByText(api)).toBeTruthy()
    }
  })

  test('shows the message of an API that fails, and the other card does not care', async () => {
    answers['/api/node/'] = json(503, { error: 'the database does not answer: connection refused' })
    render(<App />)
    await pass(0)
    expect(card('api-node').getByRole('status').textContent).toBe('Fails')
    expect(card('api-node').getByRole('alert').textContent).toBe('the database does not answer: connection refused')
    expect(card('api-golang').getByRole('status').textContent).toBe('Answers')
  })

  test.each([
    ['an answer that is not JSON', () => Promise.resolve(new Response('<h1>no</h1>', { status: 504 })), 'The answer has status 504'],
    ['a page instead of an API', () => Promise.resolve(new Response('<h1>hello</h1>')), 'The answer is not that of an API'],
    ['no answer', () => Promise.reject(new TypeError('fetch failed')), 'The server of this page cannot be reached'],
  ])('says so for %s', async (name, answer, message) => {
    answers['/api/golang/'] = answer
    render(<App />)
    await pass(0)
    expect(card('api-golang').getByRole('alert').textContent).toBe(message)
  })

  test('recovers by itself', async () => {
    answers['/api/golang/'] = json(502, { error: 'api-golang cannot be reached' })
    render(<App />)
    await pass(0)
    expect(card('api-golang').getByRole('alert')).toBeTruthy()

    answers['/api/golang/'] = time('golang')
    await pass(interval)
    expect(card('api-golang').queryByRole('alert')).toBeNull()
    expect(card('api-golang').getByRole('status').textContent).toBe('Answers')
  })

  test('does not ask again while an API still thinks', async () => {
    answers['/api/golang/'] = () => new Promise(() => {})
    render(<App />)
    await pass(3 * interval)
    expect(fetch.mock.calls.filter(([path]) => path === '/api/golang/')).toHaveLength(1)
  })
})

test('the button asks both APIs at once', async () => {
  render(<App />)
  await pass(0)
  answers = { '/api/golang/': time('golang', '2026-03-01T12:34:56Z'), '/api/node/': time('node', '2026-03-01T12:34:56Z') }

  fireEvent.click(screen.getByRole('button', { name: 'Ask now' }))
  await pass(0)
  expect(screen.getAllByText('12:34:56')).toHaveLength(2)
})

test('a page that is left asks no more', async () => {
  const { unmount } = render(<App />)
  await pass(0)
  unmount()
  await pass(3 * interval)
  expect(fetch).toHaveBeenCalledTimes(2)
})
