// A shop's page: analytics.js (@segment/analytics-next) in jsdom, whose requests keep to CORS.
// node browser.cjs ADDRESS KEY ORIGIN STRATEGY
const { JSDOM } = require('jsdom')

const [address, writeKey, origin, strategy] = process.argv.slice(2)
const page = new JSDOM('<!doctype html><title>Shop</title><script></script>', {
  url: `${origin}/account/register`,
  pretendToBeVisual: true,
})
for (const name of ['window', 'document', 'navigator', 'location', 'localStorage', 'XMLHttpRequest']) {
  Object.defineProperty(globalThis, name, { value: page.window[name] ?? page.window, configurable: true })
}
// Node's own fetch knows no origin; without it the SDK asks by XMLHttpRequest, which jsdom has.
delete globalThis.fetch

const { AnalyticsBrowser } = require('@segment/analytics-next')
const batching = { deliveryStrategy: { strategy: 'batching', config: { size: 3, timeout: 50 } } }
const options = strategy === 'batching' ? { integrations: { 'Segment.io': batching } } : {}

async function main() {
  const [analytics] = await AnalyticsBrowser.load({ writeKey, cdnURL: address }, options)
  const failures = []
  analytics.on('error', (failure) => failures.push(failure.code))
  await analytics.page('Register')
  const ctx = await analytics.identify('browser-1', { email: 'browser-1@example.com', plan: 'gold' })
  if (ctx.failedDelivery()) failures.push(String(ctx.failedDelivery().reason))
  const traits = { email: 'browser-1@example.com' }
  // The third message fills the batch: it is sent before `track` is done.
  await analytics.track('Signed Up', {}, { context: { traits } })
  if (failures.length) throw new Error(failures.join())
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error)
    process.exit(1)
  }
)
