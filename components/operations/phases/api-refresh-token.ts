export { firstTokens, nextTokens } from "../fleet/api-refresh-token.ts";
