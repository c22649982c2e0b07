package nxapi

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"trunkline/cli/session/sessiontest"
	"trunkline/feature"
)

var update = flag.Bool("update", false, "write the replies into the goldens")

// users are who may log in to a test server.
type users struct {
	mu        sync.Mutex
	passwords map[string]string
	roles     map[string]feature.Role
	asked     int // passwords
	busy      bool
}

var (
	errUser = errors.New("no such user or wrong password")
	errBusy = errors.New("busy")
)

func (u *users) Password(_ context.Context, user, password, from string) (feature.Identity, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.asked++
	if u.busy {
		return feature.Identity{}, errBusy
	}
	if want, ok := u.passwords[user]; !ok || want != password || net.ParseIP(from) == nil {
		return feature.Identity{}, errUser
	}
	return feature.Identity{User: user, Role: u.roles[user]}, nil
}

func (u *users) PublicKey(context.Context, string, []byte, string) (feature.Identity, error) {
	return feature.Identity{}, errUser
}

func (u *users) Lookup(user string) (feature.Identity, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, ok := u.passwords[user]
	return feature.Identity{User: user, Role: u.roles[user]}, ok
}

func (u *users) proof(user string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.passwords[user]
}

// set gives a user a password and a role; "" removes him.
func (u *users) set(user, password string, role feature.Role) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.passwords, user)
	if u.roles[user] = role; role != "" {
		u.passwords[user] = password
	}
}

const password = "Cumulus-7"

// served is a server that listens on loopback, without TLS.
type served struct {
	*Server
	users *users
	url   string
	stop  func() // ends it, once
}

// serve starts a server; it has ended, with all its goroutines, when the test
// has.
func serve(t testing.TB, change func(*Config)) *served {
	t.Helper()
	cli, _ := sessiontest.CLI(t)
	before := runtime.NumGoroutine()
	u := &users{passwords: map[string]string{}, roles: map[string]feature.Role{}}
	u.set("admin", password, feature.NetworkAdmin)
	u.set("oper", password, feature.NetworkOperator)
	cfg := Config{CLI: cli, Auth: u, Proof: u.proof, Busy: errBusy, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := &served{Server: New(cfg), users: u, url: "http://" + l.Addr().String()}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- v.Serve(ctx, l, nil) }()
	v.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		client.CloseIdleConnections()
		for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
				return
			}
		}
	})
	t.Cleanup(v.stop)
	return v
}

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// asked is one request as a test makes it.
type asked struct {
	user, kind, body string
	cookie           *http.Cookie
	header           map[string]string
}

func (v *served) ask(t testing.TB, a asked) (*http.Response, string) {
	t.Helper()
	resp, body, err := v.try(a)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

func (v *served) try(a asked) (*http.Response, string, error) {
	r, err := http.NewRequest(http.MethodPost, v.url+"/ins", strings.NewReader(a.body))
	if err != nil {
		return nil, "", err
	}
	r.Header.Set("Content-Type", a.kind)
	for k, val := range a.header {
		r.Header.Set(k, val)
	}
	if a.cookie != nil {
		r.AddCookie(a.cookie)
	}
	if a.user != "" {
		r.SetBasicAuth(a.user, password)
	}
	resp, err := client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

// types are the content types of goldens' requests, by their ending.
var types = map[string]string{".json": "application/json", ".rpc": "application/json-rpc", ".xml": "application/xml"}

// TestGoldens sends the requests of testdata/*.txtar, those of one file to one
// switch, and compares the replies with what stands after each.
func TestGoldens(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			v := serve(t, nil)
			var out txtar.Archive
			out.Comment = a.Comment
			for i, f := range a.Files {
				kind, ok := types[filepath.Ext(f.Name)]
				if !ok {
					continue
				}
				user := "admin"
				if strings.HasPrefix(f.Name, "operator") {
					user = "oper"
				}
				resp, body := v.ask(t, asked{user: user, kind: kind, body: strings.TrimSuffix(string(f.Data), "\n")})
				got := fmt.Sprintf("%s %s\n%s", resp.Status, resp.Header.Get("Content-Type"), body)
				if !strings.HasSuffix(got, "\n") {
					got += "\n"
				}
				reply := strings.TrimSuffix(f.Name, filepath.Ext(f.Name)) + ".reply"
				out.Files = append(out.Files, f, txtar.File{Name: reply, Data: []byte(got)})
				if *update {
					continue
				}
				if i+1 >= len(a.Files) || a.Files[i+1].Name != reply {
					t.Errorf("%s has no reply; got:\n%s", f.Name, got)
				} else if want := string(a.Files[i+1].Data); got != want {
					t.Errorf("%s: got:\n%swant:\n%s", f.Name, got, want)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(&out), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

const showVLAN = `{"jsonrpc": "2.0", "method": "cli", "params": {"cmd": "show vlan", "version": 1}, "id": 1}`

func rpcCall(cmd string) asked {
	return asked{user: "admin", kind: "application/json-rpc", body: fmt.Sprintf(`{"jsonrpc": "2.0", "method": "cli_ascii", "params": {"cmd": %q, "version": 1}, "id": 1}`, cmd)}
}

func TestLogin(t *testing.T) {
	v := serve(t, nil)
	status := func(what string, a asked, want int) *http.Response {
		t.Helper()
		resp, body := v.ask(t, a)
		if resp.StatusCode != want {
			t.Errorf("%s: %s %s, want %d", what, resp.Status, body, want)
		}
		return resp
	}
	none := status("nobody", asked{body: showVLAN}, 401)
	if h := none.Header.Get("WWW-Authenticate"); !strings.HasPrefix(h, "Basic realm=") {
		t.Errorf("asked for %q", h)
	}
	if !none.Close {
		t.Error("the connection of nobody is kept")
	}
	if status("an unknown user", asked{user: "eve", body: showVLAN}, 401); status("no page", asked{user: "admin"}, 400).Close {
		t.Error("the connection of a user is not kept")
	}
	in := status("admin", asked{user: "admin", body: showVLAN}, 200)
	cookies := in.Cookies()
	if len(cookies) != 1 || cookies[0].Name != "nxapi_auth" || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode || cookies[0].MaxAge != 600 {
		t.Fatalf("cookies: %v", cookies)
	}
	asks := v.users.asked
	status("the cookie", asked{cookie: cookies[0], body: showVLAN}, 200)
	// Ansible sends the whole of Set-Cookie back.
	status("the header as it came", asked{header: map[string]string{"Cookie": in.Header.Get("Set-Cookie")}, body: showVLAN}, 200)
	if v.users.asked != asks {
		t.Error("a password was looked at though there is a cookie")
	}
	// A program that keeps cookies logs in as another user.
	for user, want := range map[string]string{"admin": `"result"`, "oper": "Permission denied"} {
		a := rpcCall("clear counters")
		a.user, a.cookie = user, cookies[0]
		if _, body := v.ask(t, a); !strings.Contains(body, want) {
			t.Errorf("%s with a cookie of admin's: %s", user, body)
		}
	}
	status("an unknown user with a cookie", asked{user: "eve", cookie: cookies[0], body: showVLAN}, 401)
	status("what is no login, with a cookie", asked{header: map[string]string{"Authorization": "Bearer x"}, cookie: cookies[0], body: showVLAN}, 401)
	for i := range cookies[0].Value {
		c := *cookies[0]
		b := []byte(c.Value)
		if b[i]++; i == len(b)-1 || !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", rune(b[i])) {
			continue // bits that say nothing; no base64
		}
		c.Value = string(b)
		if resp, _ := v.ask(t, asked{cookie: &c, body: showVLAN}); resp.StatusCode != 401 {
			t.Fatalf("a cookie that was changed at %d: %s", i, resp.Status)
		}
	}
	other := serve(t, nil)
	if resp, _ := other.ask(t, asked{cookie: cookies[0], body: showVLAN}); resp.StatusCode != 401 {
		t.Errorf("a cookie of another server: %s", resp.Status)
	}
	v.users.set("admin", password, feature.NetworkOperator)
	status("a cookie of another role", asked{cookie: cookies[0], body: showVLAN}, 401)
	v.users.set("admin", password+"x", feature.NetworkAdmin)
	status("a cookie of another password", asked{cookie: cookies[0], body: showVLAN}, 401)
	v.users.set("admin", password, feature.NetworkAdmin)
	status("the cookie as before", asked{cookie: cookies[0], body: showVLAN}, 200)
	v.users.set("admin", "", "")
	status("a cookie of a user who is gone", asked{cookie: cookies[0], body: showVLAN}, 401)
	v.users.mu.Lock()
	v.users.busy = true
	v.users.mu.Unlock()
	status("no time for logins", asked{user: "oper", body: showVLAN}, 503)
}

// TestCookieEnds has a cookie's time pass.
func TestCookieEnds(t *testing.T) {
	v := serve(t, nil)
	now := time.Now()
	who := feature.Identity{User: "admin", Role: feature.NetworkAdmin}
	for age, want := range map[time.Duration]int{9 * time.Minute: 200, 11 * time.Minute: 401} {
		if resp, _ := v.ask(t, asked{cookie: v.cookie(who, now.Add(-age), false), body: showVLAN}); resp.StatusCode != want {
			t.Errorf("a cookie of %v: %s", age, resp.Status)
		}
	}
}

// TestBrowsers has pages of other sites kept out.
func TestBrowsers(t *testing.T) {
	v := serve(t, nil)
	for _, c := range []struct {
		header map[string]string
		want   int
	}{
		{map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		{map[string]string{"Sec-Fetch-Site": "same-origin"}, 200},
		{map[string]string{"Origin": "https://evil.example"}, 403},
		{map[string]string{"Origin": v.url}, 200},
	} {
		if resp, _ := v.ask(t, asked{user: "admin", header: c.header, body: showVLAN}); resp.StatusCode != c.want {
			t.Errorf("%v: %s, want %d", c.header, resp.Status, c.want)
		}
	}
}

func TestPaths(t *testing.T) {
	v := serve(t, nil)
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/ins", 405}, {"PUT", "/ins", 405}, {"GET", "/", 401}, {"GET", "/x", 404}, {"POST", "/ins/", 404}, {"POST", "/", 405},
	} {
		r, err := http.NewRequest(c.method, v.url+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != c.want {
			t.Errorf("%s %s: %s, want %d", c.method, c.path, resp.Status, c.want)
		}
	}
}

func TestSizes(t *testing.T) {
	v := serve(t, func(c *Config) { c.Limits = Limits{Body: 4096, Small: 512, Commands: 3, Output: 2000} })
	long := rpcCall(strings.Repeat("x", 4096))
	if resp, body := v.ask(t, long); resp.StatusCode != 413 {
		t.Errorf("a long request: %s %s", resp.Status, body)
	}
	if resp, body := v.ask(t, rpcCall(strings.Repeat("x", 1000))); resp.StatusCode != 200 || !strings.Contains(body, "String exceeded max length") && !strings.Contains(body, "Invalid command") {
		t.Errorf("a large one: %s %s", resp.Status, body)
	}
	if _, body := v.ask(t, rpcCall("show numbers 100000")); !strings.Contains(body, "The output is too long") {
		t.Errorf("a long reply: %.100s", body)
	}
	four := `[` + strings.Repeat(showVLAN+",", 3) + showVLAN + `]`
	if _, body := v.ask(t, asked{user: "admin", kind: "application/json-rpc", body: four}); !strings.Contains(body, "-32600") {
		t.Errorf("many calls: %s", body)
	}
	ins := `{"ins_api": {"version": "1.0", "type": "cli_show", "input": "show vlan ;show vlan ;show vlan ;show vlan", "output_format": "json"}}`
	if _, body := v.ask(t, asked{user: "admin", kind: "application/json", body: ins}); !strings.Contains(body, `"413"`) {
		t.Errorf("many commands: %s", body)
	}
}

// TestShares has one user take what he can get; others still get their share.
func TestShares(t *testing.T) {
	v := serve(t, func(c *Config) {
		c.Limits = Limits{Requests: 6, Reserved: 2, PerUser: 3, Running: 2, AdminRuns: 1, UserRuns: 2, Run: time.Hour, Wait: time.Hour, Farewell: time.Millisecond}
	})
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer v.stop()
	for range 3 {
		waiting.Go(func() {
			a := rpcCall("show numbers 100000000 | last 1") // it ends with the server
			a.user = "oper"
			_, _, _ = v.try(a) // cut off in the end
		})
	}
	for deadline := time.Now().Add(10 * time.Second); v.gate.inside.Used() < 3; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("they do not come")
		}
	}
	a := rpcCall("show vlan")
	a.user = "oper"
	if resp, _ := v.ask(t, a); resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("one too many: %s", resp.Status)
	}
	if resp, body := v.ask(t, rpcCall("show vlan")); resp.StatusCode != 200 || !strings.Contains(body, "VLAN") {
		t.Errorf("an administrator: %s %s", resp.Status, body)
	}
}

func TestRate(t *testing.T) {
	v := serve(t, func(c *Config) { c.Limits = Limits{Rate: 1, Burst: 2} })
	got := map[int]int{}
	for range 50 {
		resp, _ := v.ask(t, rpcCall("show vlan"))
		got[resp.StatusCode]++
	}
	if got[200] < 2 || got[429] == 0 || got[200]+got[429] != 50 {
		t.Errorf("answers: %v", got)
	}
}

func TestLate(t *testing.T) {
	v := serve(t, func(c *Config) { c.Limits = Limits{Run: 50 * time.Millisecond} })
	if _, body := v.ask(t, rpcCall("wait 4711")); !strings.Contains(body, "-32603") || !strings.Contains(body, "took too long") {
		t.Errorf("a command that does not end: %s", body)
	}
}

// TestThousand has 1,000 clients at once, each on a connection of its own: all
// are answered, and nothing is left of them.
func TestThousand(t *testing.T) {
	v := serve(t, nil)
	body := `[{"jsonrpc": "2.0", "method": "cli", "params": {"cmd": "interface vethernet %d", "version": 1}, "id": 1},` +
		`{"jsonrpc": "2.0", "method": "cli", "params": {"cmd": "description client %[1]d", "version": 1}, "id": 2},` + strings.ReplaceAll(showVLAN, `"id": 1`, `"id": 3`) + `]`
	own := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	const clients = 1000
	start := make(chan struct{})
	errs := make(chan error, clients)
	for i := range clients {
		go func() {
			<-start
			text := fmt.Sprintf(body, i%50+1)
			r, err := http.NewRequest(http.MethodPost, v.url+"/ins", strings.NewReader(text))
			if err != nil {
				errs <- err
				return
			}
			r.Header.Set("Content-Type", "application/json-rpc")
			r.SetBasicAuth("admin", password)
			resp, err := own.Do(r)
			if err != nil {
				errs <- err
				return
			}
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			if err == nil && (resp.StatusCode != 200 || strings.Count(string(got), `"result"`) != 3) {
				err = fmt.Errorf("%s: %s", resp.Status, got)
			}
			errs <- err
		}()
	}
	close(start)
	failed := 0
	for range clients {
		if err := <-errs; err != nil {
			if failed++; failed < 5 {
				t.Error(err)
			}
		}
	}
	if failed > 0 {
		t.Errorf("%d of %d failed", failed, clients)
	}
	if n := v.gate.inside.Used(); n != 0 {
		t.Errorf("%d requests are left", n)
	}
}

// TestSlow has clients that send nothing and take nothing; others are served.
func TestSlow(t *testing.T) {
	v := serve(t, func(c *Config) { c.Limits = Limits{Write: 200 * time.Millisecond, Farewell: 10 * time.Millisecond} })
	for range 50 {
		c, err := net.Dial("tcp", strings.TrimPrefix(v.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "POST /ins HTTP/1.1\r\nHost: x\r\nContent-Le"); err != nil {
			t.Fatal(err)
		}
	}
	if resp, _ := v.ask(t, rpcCall("show vlan")); resp.StatusCode != 200 {
		t.Error(resp.Status)
	}
	a := rpcCall("show numbers 500000") // more than the kernel takes for who reads nothing
	var closing []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", strings.TrimPrefix(v.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		closing = append(closing, c)
		if err := c.(*net.TCPConn).SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(c, "POST /ins HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YWRtaW46Q3VtdWx1cy03\r\nContent-Length: %d\r\n\r\n%s", len(a.body), a.body); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(3 * time.Minute); v.gate.replies.Used() < 4096; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no reply waits")
		}
	}
	if resp, _ := v.ask(t, rpcCall("show vlan")); resp.StatusCode != 200 {
		t.Error(resp.Status)
	}
	for deadline := time.Now().Add(60 * time.Second); v.gate.replies.Used() > 0 || v.gate.inside.Used() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("who takes nothing is kept")
		}
	}
	for _, c := range closing {
		_ = c.Close()
	}
}

func TestSplit(t *testing.T) {
	for in, want := range map[string]string{
		"show version":                  "show version",
		"show version ;show clock":      "show version|show clock",
		"show version ; show clock ;":   "show version|show clock",
		"a;b":                           "a;b",
		"conf t\nvlan 5\r\n\n name x\n": "conf t|vlan 5|name x",
		`description "a ; b" ;mtu 1500`: `description "a ; b"|mtu 1500`,
		" ; ;; ":                        ";",
		"":                              "",
	} {
		if got := strings.Join(split(in), "|"); got != want {
			t.Errorf("split(%q) = %q, want %q", in, got, want)
		}
	}
}
