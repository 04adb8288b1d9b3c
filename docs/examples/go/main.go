// A small API that forgets a stolen signing key on request: the whole contract of ../../openapi.yaml.
package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

const (
	maxAge   = 10 * time.Minute
	cooldown = 30 * time.Second
)

var (
	host         = env("HOST", "127.0.0.1") // in a pod 0.0.0.0: it is asked by its own address
	port         = env("PORT", "8080")
	issuer       = os.Getenv("ISSUER")
	audience     = os.Getenv("AUDIENCE")
	jwksURI      = env("JWKS_URI", issuer+"/protocol/openid-connect/certs")
	apiRefreshToken = os.Getenv("INTERNAL_JWKS_REFRESH_TOKEN")
	algorithms   = []string{"RS256", "PS256", "ES256", "EdDSA"} // never none, never HS*
	client       = &http.Client{Timeout: 5 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error {
		return errors.New("the JWKS redirects")
	}}
)

// Names this process, which is the only one at its address. Several that share a port (SO_REUSEPORT) would know from
// their configuration how many they are.
var processName = fmt.Sprintf(`"%d-%d"; of=1`, os.Getpid(), time.Now().UnixMilli())

type keySet struct {
	keys      jwk.Set
	fetchedAt time.Time
}

func (s *keySet) kids() []string {
	kids := []string{}
	for i := range s.keys.Len() {
		key, _ := s.keys.Key(i)
		if kid, ok := key.KeyID(); ok {
			kids = append(kids, kid)
		}
	}
	return kids
}

type keyCache struct {
	current atomic.Pointer[keySet]
	mu      sync.Mutex // one fetch after the other
	triedAt time.Time
}

// refresh returns when the keys have been replaced by a fetch that began after the call. A call never joins an earlier
// fetch, which may bring the set from before a rotation, and an older set never replaces a newer.
func (c *keyCache) refresh(ctx context.Context) (*keySet, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fetch(ctx)
}

func (c *keyCache) fetch(ctx context.Context) (*keySet, error) {
	c.triedAt = time.Now()
	set, err := jwk.Fetch(ctx, jwksURI, jwk.WithHTTPClient(client)) // no cache: a new request each time
	if err != nil {
		return nil, err
	}
	fetched := &keySet{set, time.Now()}
	c.current.Store(fetched)
	return fetched, nil
}

// fetchIf fetches once, then not for a while, or anybody with a made-up kid could make this API fetch all day. A fetch
// that fails leaves the keys as they were: a short outage of Keycloak does not stop the API.
func (c *keyCache) fetchIf(ctx context.Context, wanted func(*keySet) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !wanted(c.current.Load()) || time.Since(c.triedAt) < cooldown {
		return
	}
	if _, err := c.fetch(ctx); err != nil {
		log.Printf("JWKS fetch failed: %v", err)
	}
}

func (c *keyCache) verify(ctx context.Context, token string) (jwt.Token, error) {
	kid, err := kidOf(token)
	if err != nil {
		return nil, err
	}
	wanted := func(set *keySet) bool {
		_, known := set.keys.LookupKeyID(kid)
		return !known || time.Since(set.fetchedAt) > maxAge
	}
	if wanted(c.current.Load()) {
		c.fetchIf(context.WithoutCancel(ctx), wanted)
	}
	rules := []jwt.ParseOption{
		jwt.WithKeySet(c.current.Load().keys), // by kid; each key says its algorithm, the token can't choose
		jwt.WithIssuer(issuer), jwt.WithAcceptableSkew(5 * time.Second),
		jwt.WithRequiredClaim("exp"), jwt.WithRequiredClaim("sub"),
	}
	if audience != "" {
		rules = append(rules, jwt.WithAudience(audience))
	}
	return jwt.Parse([]byte(token), rules...)
}

func kidOf(token string) (string, error) {
	message, err := jws.Parse([]byte(token))
	if err != nil {
		return "", err
	}
	header := message.Signatures()[0].ProtectedHeaders()
	algorithm, _ := header.Algorithm()
	kid, ok := header.KeyID()
	if !ok || !slices.Contains(algorithms, algorithm.String()) {
		return "", errors.New("no kid, or an algorithm that is not allowed")
	}
	return kid, nil
}

var (
	cache  keyCache
	denied sync.Map
	frozen atomic.Bool
)

func internal(handler http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		given, expected := sha256.Sum256([]byte(bearer(r))), sha256.Sum256([]byte(apiRefreshToken))
		switch {
		case apiRefreshToken == "":
			answer(w, 404, map[string]any{"error": "not_found"})
		case subtle.ConstantTimeCompare(given[:], expected[:]) == 0:
			answer(w, 401, map[string]any{"error": "invalid_token"})
		default:
			handler(w, r)
		}
	}
}

func serveRefresh(w http.ResponseWriter, r *http.Request) {
	set, err := cache.refresh(context.WithoutCancel(r.Context()))
	if err != nil {
		log.Printf("JWKS fetch failed: %v", err)
		answer(w, 502, map[string]any{"error": "jwks_unreachable"})
		return
	}
	answer(w, 200, map[string]any{"kids": set.kids(), "fetchedAt": set.fetchedAt.UTC()})
}

func user(handler func(http.ResponseWriter, *http.Request, jwt.Token)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, err := cache.verify(r.Context(), bearer(r))
		if err == nil {
			var sid string
			_ = token.Get("sid", &sid) // a service account has none
			if _, isDenied := denied.Load(sid); !isDenied {
				handler(w, r, token)
				return
			}
		}
		answer(w, 401, map[string]any{"error": "invalid_token"})
	}
}

func serveMe(w http.ResponseWriter, _ *http.Request, token jwt.Token) {
	sub, _ := token.Subject()
	answer(w, 200, map[string]any{"sub": sub})
}

func serveAdmin(w http.ResponseWriter, r *http.Request, token jwt.Token) {
	var access map[string]any
	_ = token.Get("realm_access", &access)
	roles, _ := access["roles"].([]any)
	switch {
	case !slices.Contains(roles, any("admin")):
		answer(w, 403, map[string]any{"error": "forbidden"})
	case frozen.Load() && r.Method != http.MethodGet:
		answer(w, 423, map[string]any{"error": "admin_frozen"})
	default:
		serveMe(w, r, token)
	}
}

func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	if status == 401 {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	}
	w.WriteHeader(status)
	if body != nil {
		_ = json.NewEncoder(w).Encode(body)
	}
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func main() {
	set, err := cache.refresh(context.Background())
	for ; err != nil; set, err = cache.refresh(context.Background()) {
		log.Printf("JWKS fetch failed: %v", err)
		time.Sleep(time.Second)
	}
	// The proof that a restarted process began with the published keys: the program looks for this line.
	kids, _ := json.Marshal(set.kids())
	fmt.Printf("JWKS bootstrap ok kids=%s\n", kids)

	done := func(change func(*http.Request)) http.HandlerFunc {
		return internal(func(w http.ResponseWriter, r *http.Request) { change(r); answer(w, 204, nil) })
	}
	const denyList, freeze = "/internal/auth/deny-list/{sid}", "/internal/admin/freeze"
	mux := http.NewServeMux()
	mux.HandleFunc("POST /internal/auth/jwks/refresh", internal(serveRefresh))
	mux.HandleFunc("PUT "+denyList, done(func(r *http.Request) { denied.Store(r.PathValue("sid"), true) }))
	mux.HandleFunc("DELETE "+denyList, done(func(r *http.Request) { denied.Delete(r.PathValue("sid")) }))
	mux.HandleFunc("PUT "+freeze, done(func(*http.Request) { frozen.Store(true) }))
	mux.HandleFunc("DELETE "+freeze, done(func(*http.Request) { frozen.Store(false) }))
	mux.HandleFunc("GET /api/me", user(serveMe))
	mux.HandleFunc("/api/admin", user(serveAdmin))
	listener, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	named := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("JWKS-Process", processName)
		mux.ServeHTTP(w, r)
	})
	log.Fatal((&http.Server{Handler: named, ReadHeaderTimeout: 5 * time.Second}).Serve(listener))
}
