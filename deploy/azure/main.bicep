// The Azure side of a gate: what sends, under which names, who may use it, and where overflow, reports and logs go.
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

@description('Whether an identity is made for the gate.')
param createIdentity bool = false

@description('For workload identity: who issues the tokens that the identity trusts, such as the cluster; empty for none.')
param federatedIssuer string = ''

@description('For workload identity: whom those tokens are for, such as system:serviceaccount:default:postern.')
param federatedSubject string = ''

@description('Without createIdentity: the object id of the identity or application that the gate has; empty if it uses a key.')
param principalId string = ''

@description('The object id of whoever runs `postern replay`; empty for nobody.')
param replayPrincipalId string = ''

@description('Whether the replay is run by a person rather than by an identity.')
param replayedByUser bool = false

@description('Whether the domain is verified and may be linked.')
param linkDomain bool = false

@description('Where delivery reports go: the gate\'s route for them, https://GATE/hooks/acs-delivery; empty for none.')
param reportUrl string = ''

@description('What Event Grid shows that route, the value of the setting acs_delivery_secret.')
@secure()
param reportSecret string = ''

@description('The id of a Log Analytics workspace; empty for no logs.')
param workspaceId string = ''

@description('Where the storage account and the identity are.')
param location string = resourceGroup().location

// "Communication and Email Service Owner", the smallest built-in role that may send mail.
var sendRole = '09976791-48a7-449e-bb21-39d1a415f350'
// "Storage Queue Data Message Sender".
var enqueueRole = 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a'
// "Storage Queue Data Contributor".
var queueRole = '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
// "Storage Blob Data Contributor".
var blobRole = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'

var hasIdentity = createIdentity || !empty(principalId)
var gatePrincipal = createIdentity ? identity!.properties.principalId : principalId

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

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = if (createIdentity) {
  name: '${name}-gate'
  location: location
}

resource federation 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = if (createIdentity && !empty(federatedIssuer)) {
  parent: identity
  name: 'gate'
  properties: {
    issuer: federatedIssuer
    subject: federatedSubject
    audiences: ['api://AzureADTokenExchange']
  }
}

resource send 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (hasIdentity) {
  scope: acs
  name: guid(acs.id, name, principalId, sendRole)
  properties: {
    principalId: gatePrincipal
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
    // Without an identity the gate has a shared access signature, which is made with a key of the account.
    allowSharedKeyAccess: !hasIdentity
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2023-05-01' = {
  parent: storage
  name: 'default'
}

// What could not be delivered in time, and what a replay put aside.
resource overflowQueues 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = [for queue in ['overflow', 'overflow-poison']: {
  parent: queues
  name: queue
}]

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: storage
  name: 'default'
}

// Mails that are larger than a message of a queue.
resource overflowBlobs 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: 'overflow'
}

// A blob whose message could not be written belongs to nobody.
resource leftovers 'Microsoft.Storage/storageAccounts/managementPolicies@2023-05-01' = {
  parent: storage
  name: 'default'
  dependsOn: [overflowBlobs]
  properties: {
    policy: {
      rules: [
        {
          name: 'leftovers'
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['overflow/'] }
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: 31 } } }
          }
        }
      ]
    }
  }
}

resource enqueue 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (hasIdentity) {
  scope: overflowQueues[0]
  name: guid(storage.id, name, principalId, enqueueRole)
  properties: {
    principalId: gatePrincipal
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', enqueueRole)
  }
}

resource writeBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (hasIdentity) {
  scope: overflowBlobs
  name: guid(storage.id, name, principalId, blobRole)
  properties: {
    principalId: gatePrincipal
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobRole)
  }
}

// A replay takes mails out of the queue, puts others aside, and sends.
resource replay 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in [queueRole, blobRole]: if (!empty(replayPrincipalId)) {
  scope: storage
  name: guid(storage.id, name, replayPrincipalId, role, 'replay')
  properties: {
    principalId: replayPrincipalId
    principalType: replayedByUser ? 'User' : 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
  }
}]

resource replaySends 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(replayPrincipalId) && replayPrincipalId != principalId) {
  scope: acs
  name: guid(acs.id, name, replayPrincipalId, sendRole, 'replay')
  properties: {
    principalId: replayPrincipalId
    principalType: replayedByUser ? 'User' : 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', sendRole)
  }
}

resource reports 'Microsoft.EventGrid/eventSubscriptions@2022-06-15' = if (!empty(reportUrl)) {
  scope: acs
  name: '${name}-reports'
  properties: {
    destination: {
      endpointType: 'WebHook'
      properties: {
        endpointUrl: reportUrl
        deliveryAttributeMappings: [
          {
            name: 'x-postern-secret'
            type: 'Static'
            properties: { value: reportSecret, isSecret: true }
          }
        ]
      }
    }
    eventDeliverySchema: 'EventGridSchema'
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

@description('The setting azure_client_id, where an identity was made.')
output clientId string = createIdentity ? identity!.properties.clientId : ''

@description('The setting azure_tenant_id.')
output tenantId string = tenant().tenantId

@description('`queue` in the table [overflow] of the policy.')
output overflowQueue string = '${storage.properties.primaryEndpoints.queue}overflow'

@description('What to enter in DNS: the domain, SPF, DKIM and DMARC.')
output verificationRecords object = domain.properties.verificationRecords
