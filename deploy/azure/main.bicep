// The Azure side of a gate: the services that send, the senders, the roles, and where overflow, reports and logs go.
// Deploy it twice: first with `linkDomain=false`, then, once the domain is verified, with `linkDomain=true`.
targetScope = 'resourceGroup'

@description('The start of all resource names: lower-case letters and digits.')
@minLength(3)
@maxLength(12)
param name string

@description('Where ACS stores mail data, such as Europe. It cannot be changed later.')
param dataLocation string = 'Europe'

@description('Your domain, from which the senders send.')
param domainName string

@description('For each sender in the policy: the part before the @, and the display name that recipients see.')
param senders array = [
  { username: 'forms', displayName: 'Contoso website' }
  { username: 'alerts', displayName: 'Contoso alerts' }
]

@description('Whether to create an identity for the gate.')
param createIdentity bool = false

@description('For workload identity: the issuer whose tokens the identity trusts, such as the cluster; empty for none.')
param federatedIssuer string = ''

@description('For workload identity: the subject of those tokens, such as system:serviceaccount:default:postern.')
param federatedSubject string = ''

@description('Without createIdentity: the object id of the identity or service principal that the gate uses; empty if it uses a key.')
param principalId string = ''

@description('The object id of the user or identity that runs `postern replay`; empty for none.')
param replayPrincipalId string = ''

@description('Whether a user, rather than an identity, runs `postern replay`.')
param replayedByUser bool = false

@description('Whether to link the domain and create the senders. The domain must be verified.')
param linkDomain bool = false

@description('The gate\'s route for delivery reports, https://GATE/hooks/acs-delivery; empty for no reports.')
param reportUrl string = ''

@description('The secret that Event Grid sends to that route: the value of the setting acs_delivery_secret.')
@secure()
param reportSecret string = ''

@description('The id of a Log Analytics workspace; empty for no logs.')
param workspaceId string = ''

@description('The location of the storage account and the identity.')
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
    // Recipients expect this mail; nobody needs to track who opens it.
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
    // Without an identity, the gate uses a shared access signature, which needs a key of the account.
    allowSharedKeyAccess: !hasIdentity
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2023-05-01' = {
  parent: storage
  name: 'default'
}

// Mails that could not be delivered in time, and the poison queue for those that can never be delivered.
resource overflowQueues 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = [for queue in ['overflow', 'overflow-poison']: {
  parent: queues
  name: queue
}]

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: storage
  name: 'default'
}

// Mails that do not fit into a queue message.
resource overflowBlobs 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: 'overflow'
}

// Deletes blobs whose message could not be queued: nothing else would.
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

// A replay takes mails out of the queue, moves some to the poison queue, and sends the others.
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

@description('The setting azure_client_id, if an identity was created.')
output clientId string = createIdentity ? identity!.properties.clientId : ''

@description('The setting azure_tenant_id.')
output tenantId string = tenant().tenantId

@description('The value of `queue` in the policy\'s table [overflow].')
output overflowQueue string = '${storage.properties.primaryEndpoints.queue}overflow'

@description('The DNS records to create: domain, SPF, DKIM and DMARC.')
output verificationRecords object = domain.properties.verificationRecords
