package supervisor

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/supervisor/listen"
	"trunkline/supervisor/pki"
)

// apiSwitch runs a supervisor with NX-API on an address of its own, which is on.
func apiSwitch(t *testing.T) *Supervisor {
	t.Helper()
	s, err := Open(t.Context(), Config{
		StateDir: t.TempDir(), NXAPI: listen.At("127.0.0.1:0"), Admin: Admin{Password: sshPassword}, Log: slog.New(slog.DiscardHandler),
		Base: "feature nxapi\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	wait, stop := begin(t, s)
	t.Cleanup(func() {
		stop()
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// apiClient is a client that takes any certificate, on connections of its own.
func apiClient(t *testing.T) *http.Client {
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: time.Minute}
}

// post sends a request of admin's and returns the reply.
func post(t *testing.T, c *http.Client, url, kind, body string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url+"/ins", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	r.SetBasicAuth("admin", sshPassword)
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

func cli(cmd string) string {
	return fmt.Sprintf(`{"jsonrpc": "2.0", "method": "cli_ascii", "params": {"cmd": %q, "version": 1}, "id": 1}`, cmd)
}

// nxapiState expects a state of nxapi in show feature.
func nxapiState(t *testing.T, s *Supervisor, want string) {
	t.Helper()
	line := fmt.Sprintf("%-22s %-9d %s\n", "nxapi", 1, want)
	eventually(t, "nxapi is not "+want, func() bool { out, _ := lines(t, s, "show feature"); return strings.Contains(out, line) })
}

// TestNXAPI asks a switch over HTTPS what a client asks first, and configures it.
func TestNXAPI(t *testing.T) {
	s := apiSwitch(t)
	url, c := "https://"+s.NXAPIAddress().String(), apiClient(t)
	resp, body := post(t, c, url, "application/json-rpc", strings.Replace(cli("show version"), "cli_ascii", "cli", 1))
	var version struct {
		Result struct {
			Body map[string]any `json:"body"`
		} `json:"result"`
	}
	if err := json.Unmarshal([]byte(body), &version); err != nil || version.Result.Body["chassis_id"] == nil || version.Result.Body["kern_uptm_days"] == nil {
		t.Errorf("%v: %s", err, body)
	}
	if len(resp.Cookies()) != 1 || !resp.Cookies()[0].Secure {
		t.Errorf("cookies: %v", resp.Cookies())
	}
	_, body = post(t, c, url, "application/json", `{"ins_api": {"version": "1.0", "type": "cli_conf", "chunk": "0", "sid": "1", "input": "vlan 7 ;name seven ;exit ;hostname api1", "output_format": "json"}}`)
	if strings.Count(body, `"code":"200"`) != 4 {
		t.Error(body)
	}
	out, _ := lines(t, s, "show running-config")
	for _, want := range []string{"hostname api1\n", "vlan 7\n  name seven\n", "feature nxapi\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	out, _ = lines(t, s, "show accounting log")
	if !strings.Contains(out, ":id=127.0.0.1@nxapi:user=admin:cmd=configure terminal ; vlan 7 ; name seven (SUCCESS)") {
		t.Errorf("no account of it:\n%s", out)
	}
	configured(t, s, "cli alias name both show hostname ; show clock")
	_, body = post(t, c, url, "application/json", `{"ins_api": {"version": "1.0", "type": "cli_show", "chunk": "0", "sid": "1", "input": "both", "output_format": "json"}}`)
	if !json.Valid([]byte(body)) || !strings.Contains(body, `"body":[{"hostname":"api1"},{"simple_time":`) {
		t.Errorf("an alias of two: %s", body)
	}
	if _, body := post(t, c, url, "application/json-rpc", cli("show nxapi")); !strings.Contains(body, "nxapi enabled\\nNXAPI timeout 10\\nNXAPI cmd timeout 300\\nHTTPS Listen on port ") ||
		!strings.Contains(body, "    Issuer:   issuer=CN=trunkline,O=Trunkline\\n") {
		t.Error(body)
	}
}

// TestNXAPIRoles has an operator read and not write, whatever the envelope.
func TestNXAPIRoles(t *testing.T) {
	s := apiSwitch(t)
	configured(t, s, "username oper password Cumulus-77 role network-operator")
	c, url := apiClient(t), "https://"+s.NXAPIAddress().String()
	ask := func(password, body string) (int, string) {
		r, err := http.NewRequest(http.MethodPost, url+"/ins", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("oper", password)
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	if status, body := ask("Cumulus-77", cli("show vlan")); status != 200 || !strings.Contains(body, "default") {
		t.Errorf("%d %s", status, body)
	}
	for _, cmd := range []string{"vlan 9", "configure terminal", "conf t ; vlan 9", "copy running-config startup-config", "show vlan > bootflash:x"} {
		if _, body := ask("Cumulus-77", cli(cmd)); !strings.Contains(body, "% Permission denied for the role") {
			t.Errorf("%s: %s", cmd, body)
		}
	}
	if _, body := ask("Cumulus-77", cli("show running-config")); strings.Contains(body, "$5$") || !strings.Contains(body, "username oper") {
		t.Errorf("a hash is shown, or no user: %s", body)
	}
	for range 8 { // lock-out as at the other doors
		if status, _ := ask("wrong", cli("show vlan")); status != 401 {
			t.Fatalf("a wrong password: %d", status)
		}
	}
	if status, _ := ask("Cumulus-77", cli("show vlan")); status != 401 {
		t.Errorf("not locked out: %d", status)
	}
}

// TestNXAPIPorts turns the server off and on, and moves it.
func TestNXAPIPorts(t *testing.T) {
	s := apiSwitch(t)
	free := func() int {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().(*net.TCPAddr).Port
	}
	reached := func(url string) bool {
		r, err := apiClient(t).Get(url)
		if err != nil {
			return false
		}
		_ = r.Body.Close()
		return r.StatusCode == http.StatusUnauthorized
	}
	first := "https://" + s.NXAPIAddress().String()
	nxapiState(t, s, "enabled")
	https, plain := free(), free()
	// The door that is closed answers first.
	if _, body := post(t, apiClient(t), first, "application/json-rpc", cli(fmt.Sprint("nxapi https port ", https))); !strings.Contains(body, `"result":null`) {
		t.Error(body)
	}
	eventually(t, "not at its new port", func() bool { return reached(fmt.Sprint("https://127.0.0.1:", https)) })
	eventually(t, "still at the old one", func() bool { return !reached(first) })
	configured(t, s, fmt.Sprint("nxapi http port ", plain))
	eventually(t, "no plain HTTP", func() bool { return reached(fmt.Sprint("http://127.0.0.1:", plain)) })
	out, _ := lines(t, s, "show nxapi | json")
	if want := fmt.Sprintf(`"http_port": "%d", "https_port": "%d", "listen_on_port": "%[2]d"`, plain, https); !strings.Contains(out, want) {
		t.Errorf("no %s in %s", want, out)
	}
	configured(t, s, "no nxapi http port")
	eventually(t, "still plain HTTP", func() bool { return !reached(fmt.Sprint("http://127.0.0.1:", plain)) })

	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	configured(t, s, fmt.Sprint("nxapi https port ", other.Addr().(*net.TCPAddr).Port))
	nxapiState(t, s, "enabled (not-running)")
	eventually(t, "nothing is logged", func() bool {
		out, _ := lines(t, s, "show logging logfile")
		return strings.Contains(out, "%NXAPI-3-NOT_RUNNING: NX-API does not run: NX-API: listen on 127.0.0.1:")
	})
	_ = other.Close()
	configured(t, s, fmt.Sprint("nxapi https port ", https))
	nxapiState(t, s, "enabled")
	configured(t, s, "no feature nxapi")
	nxapiState(t, s, "disabled")
	eventually(t, "still there", func() bool { return !reached(fmt.Sprint("https://127.0.0.1:", https)) })
	if out, ok := lines(t, s, "show nxapi"); ok || !strings.Contains(out, "% Invalid command") {
		t.Error(out)
	}
	if out, _ := lines(t, s, "show running-config"); strings.Contains(out, "nxapi") {
		t.Errorf("something is left:\n%s", out)
	}
}

// TestNXAPICertificate gives the server a certificate of files.
func TestNXAPICertificate(t *testing.T) {
	s := apiSwitch(t)
	own, err := pki.Service(filepath.Join(t.TempDir(), "own.pem"), "api.example")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(s.cfg.StateDir, pki.Dir, "nxapi.pem"))
	if err != nil {
		t.Fatal(err)
	}
	ofServer := func() []byte {
		conn, err := tls.Dial("tcp", s.NXAPIAddress().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			return nil
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].Raw
	}
	before := ofServer()
	if block, _ := pem.Decode(text); block == nil || !bytes.Equal(block.Bytes, before) {
		t.Error("the certificate is not that of the chassis")
	}
	put := func(name string, data []byte) {
		t.Helper()
		if err := s.files.Write(name, data); err != nil {
			t.Fatal(err)
		}
	}
	crt, key, err := pemPair(own)
	if err != nil {
		t.Fatal(err)
	}
	put("bootflash:api.crt", crt)
	put("bootflash:api.key", key)
	put("bootflash:bad.key", text) // of another certificate
	refused := func(line, want string) {
		t.Helper()
		if out, ok := lines(t, s, "configure terminal\n"+line); ok || !strings.Contains(out, want) {
			t.Errorf("%s: %s", line, out)
		}
	}
	configured(t, s, "nxapi certificate httpskey keyfile bootflash:none.key\nnxapi certificate httpscrt certfile bootflash:api.crt")
	refused("nxapi certificate enable", "none.key")
	configured(t, s, "nxapi certificate httpskey keyfile bootflash:bad.key")
	refused("nxapi certificate enable", "ERROR: The certificate bootflash:api.crt with the key bootflash:bad.key cannot be used")
	configured(t, s, "nxapi certificate httpskey keyfile bootflash:api.key\nnxapi certificate enable")
	eventually(t, "the certificate is not used", func() bool { return bytes.Equal(ofServer(), own.Certificate[0]) })
	out, _ := lines(t, s, "show running-config | include nxapi")
	if want := "feature nxapi\nnxapi certificate httpskey keyfile bootflash:api.key\nnxapi certificate httpscrt certfile bootflash:api.crt\nnxapi certificate enable\n"; out != want {
		t.Errorf("got:\n%s", out)
	}
	// What is lost holds up nothing else.
	if err := s.files.Remove("bootflash:api.key"); err != nil {
		t.Fatal(err)
	}
	configured(t, s, "hostname still")
	configured(t, s, "no nxapi certificate enable")
	eventually(t, "not the chassis's again", func() bool { return bytes.Equal(ofServer(), before) })
}

// pemPair is a certificate and its key as PEM.
func pemPair(c tls.Certificate) (crt, key []byte, err error) {
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
