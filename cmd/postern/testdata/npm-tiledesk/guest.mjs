// Signs in as a visitor with Tiledesk's own client. Arguments: the API's URL and
// the project.
import tiledesk from '@tiledesk/tiledesk-client'

const [APIURL, projectId] = process.argv.slice(2)
tiledesk.TiledeskClient.anonymousAuthentication(projectId, 'unused', { APIURL }, (error, result) =>
  console.log(JSON.stringify(error ? { status: error.response?.status } : { result })))
