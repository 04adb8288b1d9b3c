import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.source.JWKSource;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jose.util.JSONObjectUtils;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.function.Predicate;

/** A small API that forgets a stolen signing key on request: the whole contract of ../../../../../openapi.yaml. */
public final class Api {
  static final String HOST = env("HOST", "127.0.0.1"); // in a pod 0.0.0.0: it is asked by its own address
  static final int PORT = Integer.parseInt(env("PORT", "8080"));
  static final String ISSUER = env("ISSUER", "");
  static final String AUDIENCE = env("AUDIENCE", null);
  static final String JWKS_URI = env("JWKS_URI", ISSUER + "/protocol/openid-connect/certs");
  static final String REFRESH_TOKEN = env("INTERNAL_JWKS_REFRESH_TOKEN", "");
  /** Never none, never HS*. */
  static final Set<JWSAlgorithm> ALGORITHMS =
      Set.of(JWSAlgorithm.RS256, JWSAlgorithm.PS256, JWSAlgorithm.ES256);
  /** Names this process, which is the only one at its address: a JVM has one key cache, whatever its threads. */
  static final String PROCESS_NAME =
      "\"" + ProcessHandle.current().pid() + "-" + Instant.now().toEpochMilli() + "\"; of=1";

  static final KeyCache cache = new KeyCache();
  static final Set<String> denied = ConcurrentHashMap.newKeySet();
  static volatile boolean frozen;

  record Keys(JWKSet set, Instant fetchedAt) {
    List<String> kids() {
      return set.getKeys().stream().map(JWK::getKeyID).toList();
    }
  }

  static final class KeyCache {
    static final Duration MAX_AGE = Duration.ofMinutes(10);
    static final Duration COOLDOWN = Duration.ofSeconds(30);
    /** Follows no redirect, by default. */
    final HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
    final DefaultJWTProcessor<SecurityContext> processor = new DefaultJWTProcessor<>();
    volatile Keys keys = new Keys(new JWKSet(), Instant.EPOCH);
    Instant triedAt = Instant.EPOCH;

    KeyCache() {
      JWKSource<SecurityContext> source = (selector, context) -> selector.select(keys.set());
      processor.setJWSKeySelector(new JWSVerificationKeySelector<>(ALGORITHMS, source));
      var claims = new JWTClaimsSet.Builder().issuer(ISSUER).build();
      var verifier = new DefaultJWTClaimsVerifier<SecurityContext>(AUDIENCE, claims, Set.of("exp", "sub"));
      verifier.setMaxClockSkew(5);
      processor.setJWTClaimsSetVerifier(verifier);
    }

    /**
     * Returns when the keys have been replaced by a fetch that began after the call. One fetch after the other: a call
     * never joins an earlier one, which may bring the set from before a rotation, and an older set never replaces a newer.
     */
    synchronized Keys refresh() throws Exception {
      triedAt = Instant.now();
      var request = HttpRequest.newBuilder(URI.create(JWKS_URI)).timeout(Duration.ofSeconds(5)).build();
      var response = client.send(request, HttpResponse.BodyHandlers.ofString());
      if (response.statusCode() != 200) throw new IOException("the JWKS answered " + response.statusCode());
      return keys = new Keys(JWKSet.parse(response.body()), Instant.now());
    }

    /**
     * One fetch, then none for a while, or anybody with a made-up kid could make this API fetch all day. A fetch that
     * fails leaves the keys as they were: a short outage of Keycloak does not stop the API.
     */
    synchronized void refreshIf(Predicate<Keys> wanted) {
      if (!wanted.test(keys) || triedAt.plus(COOLDOWN).isAfter(Instant.now())) return;
      try {
        refresh();
      } catch (Exception error) {
        logFailure(error);
      }
    }

    JWTClaimsSet verify(String text) throws Exception {
      var token = SignedJWT.parse(text); // not an unsigned one
      var kid = token.getHeader().getKeyID();
      if (kid == null) throw new IOException("no kid");
      Predicate<Keys> wanted = known ->
          known.set().getKeyByKeyId(kid) == null || known.fetchedAt().plus(MAX_AGE).isBefore(Instant.now());
      if (wanted.test(keys)) refreshIf(wanted);
      return processor.process(token, null);
    }
  }

  record Answer(int status, Map<String, ?> body) {
    static final Answer DONE = new Answer(204, null);
    static final Answer NOT_FOUND = new Answer(404, Map.of("error", "not_found"));
    static final Answer INVALID_TOKEN = new Answer(401, Map.of("error", "invalid_token"));
  }

  static Answer internal(HttpExchange exchange, String path) throws Exception {
    if (REFRESH_TOKEN.isEmpty()) return Answer.NOT_FOUND;
    if (!same(bearer(exchange), REFRESH_TOKEN)) return Answer.INVALID_TOKEN;
    String method = exchange.getRequestMethod();
    if (method.equals("POST") && path.equals("/internal/auth/jwks/refresh")) return refreshed();
    boolean put = method.equals("PUT");
    if (!put && !method.equals("DELETE")) return Answer.NOT_FOUND;
    String denyList = "/internal/auth/deny-list/";
    if (path.equals("/internal/admin/freeze")) {
      frozen = put;
    } else if (path.startsWith(denyList) && path.length() > denyList.length()) {
      // A plus sign in a path is not a space.
      String encoded = path.substring(denyList.length()).replace("+", "%2B");
      String sid = URLDecoder.decode(encoded, StandardCharsets.UTF_8);
      if (put) denied.add(sid);
      else denied.remove(sid);
    } else {
      return Answer.NOT_FOUND;
    }
    return Answer.DONE;
  }

  static Answer refreshed() {
    try {
      Keys keys = cache.refresh();
      return new Answer(200, Map.of("kids", keys.kids(), "fetchedAt", keys.fetchedAt().toString()));
    } catch (Exception error) {
      logFailure(error);
      return new Answer(502, Map.of("error", "jwks_unreachable"));
    }
  }

  static Answer user(HttpExchange exchange, String path) throws Exception {
    JWTClaimsSet claims;
    try {
      claims = cache.verify(bearer(exchange));
    } catch (Exception error) {
      return Answer.INVALID_TOKEN;
    }
    Object sid = claims.getClaim("sid"); // a service account has none
    if (sid != null && denied.contains(sid)) return Answer.INVALID_TOKEN;
    var me = new Answer(200, Map.of("sub", claims.getSubject()));
    if (path.equals("/api/me")) return me;
    if (!path.equals("/api/admin")) return Answer.NOT_FOUND;
    boolean isAdmin = claims.getClaim("realm_access") instanceof Map<?, ?> access
        && access.get("roles") instanceof List<?> roles && roles.contains("admin");
    if (!isAdmin) return new Answer(403, Map.of("error", "forbidden"));
    boolean reads = exchange.getRequestMethod().equals("GET");
    return frozen && !reads ? new Answer(423, Map.of("error", "admin_frozen")) : me;
  }

  static void serve(HttpExchange exchange) throws IOException {
    try (exchange) {
      var headers = exchange.getResponseHeaders();
      headers.set("JWKS-Process", PROCESS_NAME);
      exchange.getRequestBody().readAllBytes();
      String path = exchange.getRequestURI().getRawPath();
      Answer answer = path.startsWith("/internal/") ? internal(exchange, path) : user(exchange, path);
      headers.set("Content-Type", "application/json");
      if (answer.status() == 401) headers.set("WWW-Authenticate", "Bearer error=\"invalid_token\"");
      byte[] body = answer.body() == null ? new byte[0]
          : JSONObjectUtils.toJSONString(answer.body()).getBytes(StandardCharsets.UTF_8);
      exchange.sendResponseHeaders(answer.status(), body.length == 0 ? -1 : body.length);
      exchange.getResponseBody().write(body);
    } catch (IOException error) {
      throw error;
    } catch (Exception error) {
      throw new IOException(error);
    }
  }

  static String bearer(HttpExchange exchange) {
    String header = exchange.getRequestHeaders().getFirst("Authorization");
    boolean isBearer = header != null && header.regionMatches(true, 0, "Bearer ", 0, 7);
    return isBearer ? header.substring(7).trim() : "";
  }

  /** In constant time: hashes have equal length, whatever was sent. */
  static boolean same(String given, String expected) throws Exception {
    var hash = MessageDigest.getInstance("SHA-256");
    byte[] left = hash.digest(given.getBytes(StandardCharsets.UTF_8));
    return MessageDigest.isEqual(left, hash.digest(expected.getBytes(StandardCharsets.UTF_8)));
  }

  static void logFailure(Exception error) {
    System.err.println("JWKS fetch failed: " + error);
  }

  static String env(String name, String otherwise) {
    String value = System.getenv(name);
    return value == null || value.isEmpty() ? otherwise : value;
  }

  public static void main(String[] args) throws Exception {
    while (cache.keys.set().isEmpty()) {
      try {
        cache.refresh();
      } catch (Exception error) {
        logFailure(error);
        Thread.sleep(1_000);
      }
    }
    // Proves that a restarted process started with the published keys: the program looks for this line.
    System.out.println("JWKS bootstrap ok kids=" + cache.keys.kids());
    var server = HttpServer.create(new InetSocketAddress(HOST, PORT), 0);
    server.createContext("/", Api::serve);
    server.setExecutor(Executors.newCachedThreadPool());
    server.start();
    System.out.println("listening on http://" + HOST + ":" + server.getAddress().getPort());
  }
}
