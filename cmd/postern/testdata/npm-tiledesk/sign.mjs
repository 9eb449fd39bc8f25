// Signs the claims of the first argument with the secret of the second, as the
// sample in the document of Tiledesk's widget does.
import jwt from 'jsonwebtoken'

const [claims, secret] = process.argv.slice(2)
console.log(jwt.sign(JSON.parse(claims), secret))
