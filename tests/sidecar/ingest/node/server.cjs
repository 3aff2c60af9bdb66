// A shop's server: registrations and logins by @segment/analytics-node.
// node server.cjs HOST KEY NUMBER
const { Analytics } = require('@segment/analytics-node')

const [host, writeKey, number] = process.argv.slice(2)
const analytics = new Analytics({ host, writeKey, flushAt: 20, flushInterval: 50 })
analytics.on('error', (error) => {
  console.error(error.code, error.reason)
  process.exitCode = 1
})
for (let n = 0; n < Number(number); n++) {
  const userId = `node-${n}`
  const email = `node-${n}@example.com`
  analytics.identify({ userId, traits: { email, firstName: 'Nöde', logins: n } })
  analytics.track({ userId, event: 'Signed Up', context: { traits: { email } } })
  analytics.track({ userId, event: 'Order Completed', properties: { revenue: 9.99 } })
  analytics.page({ userId, name: 'Home' })
}
analytics.group({ userId: 'node-0', groupId: 'g', traits: { email: 'group@example.com' } })
analytics.alias({ userId: 'node-0', previousId: 'x' })
analytics.closeAndFlush({ timeout: 20000 })
