// Decides one case a line with iam-simulate, as JSON, and writes one result a line.
// Its own entry point leaves session policies out, so the engine behind it is called; the version is pinned.

import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const modules = pathToFileURL(process.argv[2] + '/node_modules/@cloud-copilot/').href
const { loadPolicy } = await import(modules + 'iam-policy/dist/esm/index.js')
const simulate = modules + 'iam-simulate/dist/esm/'
const { authorize } = await import(simulate + 'core_engine/CoreSimulatorEngine.js')
const { AwsRequestImpl } = await import(simulate + 'request/request.js')
const { RequestContextImpl } = await import(simulate + 'requestContext.js')
const { DiscoveryContextKeyConstraints } = await import(simulate + 'context_keys/discoveryContextKeyConstraints.js')

const RESULTS = { Allowed: 'allowed', ExplicitlyDenied: 'explicitDeny', ImplicitlyDenied: 'implicitDeny' }
const read = (document) => loadPolicy(document, { name: 'policy' })
const load = (documents) => documents.map(read)

function decide(item) {
  const resource = { resource: item.resource, accountId: item.account }
  const context = new RequestContextImpl(item.context)
  const levels = item.organization.map((level, index) => ({ orgIdentifier: `${index}`, policies: load(level) }))
  const analysis = authorize({
    request: new AwsRequestImpl(item.principal, resource, item.action, context),
    sessionPolicy: item.session ? read(item.session) : undefined,
    identityPolicies: load(item.identity),
    permissionBoundaries: item.boundary ? load([item.boundary]) : undefined,
    resourcePolicy: item.resourcePolicy ? read(item.resourcePolicy) : undefined,
    serviceControlPolicies: levels,
    resourceControlPolicies: [{ orgIdentifier: 'root', policies: load([item.everything]) }],
    vpcEndpointPolicies: undefined,
    simulationParameters: {
      simulationMode: 'Strict',
      discoveryContextKeyConstraints: new DiscoveryContextKeyConstraints([])
    },
    serviceSettings: {}
  })
  return RESULTS[analysis.result]
}

const write = (text) => new Promise((done) => process.stdout.write(text + '\n', done))
for await (const line of createInterface({ input: process.stdin })) {
  try {
    await write(decide(JSON.parse(line)))
  } catch (error) {
    await write('error: ' + String(error.message).split('\n')[0])
  }
}
