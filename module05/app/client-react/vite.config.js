import process from 'node:process'

import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

const { API_GOLANG_URL, API_NODE_URL, DEV_SERVER_HOST } = process.env

// The same paths and the same error as in nginx/default.conf.template, so that the page sees no difference between
// development and production.
function api(name, target) {
  return {
    target,
    changeOrigin: true,
    rewrite: (path) => path.replace(`/api/${name}`, ''),
    configure: (proxy) => {
      proxy.on('error', (error, request, response) => {
        response.writeHead(502, { 'Content-Type': 'application/json' })
        response.end(JSON.stringify({ error: `api-${name} cannot be reached` }))
      })
    },
  }
}

export default defineConfig({
  plugins: [react()],
  server: {
    // A container needs 0.0.0.0 here. Its localhost is its own, and a published port doesn't lead there.
    host: DEV_SERVER_HOST || 'localhost',
    port: 5173,
    strictPort: true,
    // Vite refuses host names that it doesn't know. This one is for other containers.
    allowedHosts: ['client-react'],
    proxy: {
      '/api/golang': api('golang', API_GOLANG_URL || 'http://localhost:8080'),
      '/api/node': api('node', API_NODE_URL || 'http://localhost:3000'),
    },
  },
  test: {
    environment: 'happy-dom',
    testTimeout: 60_000, // milliseconds: on a busy machine, a test that waits for something is slow, and not wrong
  },
})
