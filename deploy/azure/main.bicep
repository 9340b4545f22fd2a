// The Azure side of a gate: what sends, under which names, who may use it, and where reports go.
// Deploy it twice: first with `linkDomain=false`, then, once the domain is verified, with `linkDomain=true`.
targetScope = 'resourceGroup'

@description('Names of all resources begin with it: lower-case letters and digits.')
@minLength(3)
@maxLength(12)
param name string

@description('Where mail data rest, such as Europe. It cannot be changed later.')
param dataLocation string = 'Europe'

@description('The domain of the senders, which you own.')
param domainName string

@description('The part before the @ of each sender of the policy, and the name that people see beside it.')
param senders array = [
  { username: 'forms', displayName: 'Contoso website' }
  { username: 'alerts', displayName: 'Contoso alerts' }
]

@description('The object id of the managed or federated identity that the gate has; empty if it uses a key.')
param principalId string = ''

@description('Whether the domain is verified and may be linked.')
param linkDomain bool = false

@description('Where delivery reports go: an https address of your own; empty for none.')
param reportUrl string = ''

@description('The id of a Log Analytics workspace; empty for no logs.')
param workspaceId string = ''

@description('Where the storage account is.')
param location string = resourceGroup().location

// "Communication and Email Service Owner", the smallest built-in role that may send mail.
var sendRole = '09976791-48a7-449e-bb21-39d1a415f350'
// "Storage Queue Data Message Sender".
var queueRole = 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a'

resource email 'Microsoft.Communication/emailServices@2023-04-01' = {
  name: '${name}-email'
  location: 'global'
  properties: { dataLocation: dataLocation }
}

resource domain 'Microsoft.Communication/emailServices/domains@2023-04-01' = {
  parent: email
  name: domainName
  location: 'global'
  properties: {
    domainManagement: 'CustomerManaged'
    // A gate for expected mail has no business with who opened it.
    userEngagementTracking: 'Disabled'
  }
}

resource senderUsernames 'Microsoft.Communication/emailServices/domains/senderUsernames@2023-04-01' = [for sender in senders: if (linkDomain) {
  parent: domain
  name: sender.username
  properties: {
    username: sender.username
    displayName: sender.displayName
  }
}]

resource acs 'Microsoft.Communication/communicationServices@2023-04-01' = {
  name: '${name}-acs'
  location: 'global'
  properties: {
    dataLocation: dataLocation
    linkedDomains: linkDomain ? [domain.id] : []
  }
}

resource send 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(principalId)) {
  scope: acs
  name: guid(acs.id, principalId, sendRole)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', sendRole)
  }
}

resource storage 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: '${name}overflow'
  location: location
  sku: { name: 'Standard_LRS' }
  kind: 'StorageV2'
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2023-05-01' = {
  parent: storage
  name: 'default'
}

resource overflow 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = {
  parent: queues
  name: 'overflow'
}

resource enqueue 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(principalId)) {
  scope: overflow
  name: guid(overflow.id, principalId, queueRole)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', queueRole)
  }
}

resource reports 'Microsoft.EventGrid/eventSubscriptions@2022-06-15' = if (!empty(reportUrl)) {
  scope: acs
  name: '${name}-reports'
  properties: {
    destination: {
      endpointType: 'WebHook'
      properties: { endpointUrl: reportUrl }
    }
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    filter: { includedEventTypes: ['Microsoft.Communication.EmailDeliveryReportReceived'] }
    retryPolicy: {
      eventTimeToLiveInMinutes: 1440
      maxDeliveryAttempts: 30
    }
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (!empty(workspaceId)) {
  scope: acs
  name: 'mail'
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'EmailSendMailOperational', enabled: true }
      { category: 'EmailStatusUpdateOperational', enabled: true }
    ]
  }
}

@description('The setting acs_endpoint.')
output acsEndpoint string = 'https://${acs.properties.hostName}'

@description('What to enter in DNS: the domain, SPF, DKIM and DMARC.')
output verificationRecords object = domain.properties.verificationRecords
