package nxapi

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// browser is a headless Chromium that is told what to do through pipes: its
// DevTools protocol, messages of JSON that end in a zero byte.
type browser struct {
	t       *testing.T
	in      *os.File
	out     *bufio.Reader
	session string
	last    int
}

// openBrowser starts Chromium with a page, or skips the test.
func openBrowser(t *testing.T, url string) *browser {
	t.Helper()
	var program string
	for _, name := range []string{"chromium", "chromium-headless-shell", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Skip("there is no chromium: install the package of that name to test the page")
	}
	inRead, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, outWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--user-data-dir="+t.TempDir(), "--remote-debugging-pipe")
	cmd.ExtraFiles = []*os.File{inRead, outWrite} // 3 and 4, where it expects them
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = errors.Join(inRead.Close(), outWrite.Close()) // the child's
	b := &browser{t: t, in: in, out: bufio.NewReader(out)}
	late := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		_, _ = fmt.Fprintf(in, `{"id": 0, "method": "Browser.close"}`+"\x00") // it is killed below, else
		_ = in.Close()
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); close(ended) }()
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		late.Stop()
		_ = out.Close()
	})
	var target struct {
		TargetID string `json:"targetId"`
	}
	b.call("Target.createTarget", map[string]any{"url": url}, &target)
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	return b
}

// call calls a method and waits for its result; events are passed over.
func (b *browser) call(method string, params map[string]any, result any) {
	b.t.Helper()
	b.last++
	m := map[string]any{"id": b.last, "method": method, "params": params}
	if b.session != "" {
		m["sessionId"] = b.session
	}
	text, err := json.Marshal(m)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.in.Write(append(text, 0)); err != nil {
		b.t.Fatal(err)
	}
	for {
		text, err := b.out.ReadBytes(0)
		if err != nil {
			b.t.Fatalf("%s: %v", method, err)
		}
		var reply struct {
			ID     int             `json:"id"`
			Result json.RawMessage `json:"result"`
			Error  json.RawMessage `json:"error"`
		}
		if err := json.Unmarshal(text[:len(text)-1], &reply); err != nil {
			b.t.Fatal(err)
		}
		if reply.ID != b.last {
			continue
		}
		if reply.Error != nil {
			b.t.Fatalf("%s: %s", method, reply.Error)
		}
		if result != nil {
			if err := json.Unmarshal(reply.Result, result); err != nil {
				b.t.Fatal(err)
			}
		}
		return
	}
}

// run runs JavaScript on the page and returns the string that it yields.
func (b *browser) run(script string) string {
	b.t.Helper()
	var r struct {
		Result struct {
			Value any `json:"value"`
		} `json:"result"`
		Exception json.RawMessage `json:"exceptionDetails"`
	}
	b.call("Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true}, &r)
	if r.Exception != nil {
		b.t.Fatalf("%s: %s", script, r.Exception)
	}
	return fmt.Sprint(r.Result.Value)
}

// until waits for an expression to hold.
func (b *browser) until(what, script string) {
	b.t.Helper()
	for deadline := time.Now().Add(time.Minute); b.run(script) != "true"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("not yet: %s: %s", what, b.run("document.documentElement.outerHTML"))
		}
	}
}

// TestSandbox uses the page as a person does, with a browser: it shows the
// request and the reply of each kind of message.
func TestSandbox(t *testing.T) {
	v := serve(t, nil)
	b := openBrowser(t, strings.Replace(v.url, "://", "://admin:"+password+"@", 1)+"/")
	b.until("the page", `document.readyState === 'complete' && !!document.getElementById('form')`)
	send := func(form, kind string, lines ...string) (request, reply string) {
		t.Helper()
		text, err := json.Marshal(strings.Join(lines, "\n"))
		if err != nil {
			t.Fatal(err)
		}
		b.run(fmt.Sprintf(`{
			const set = (id, value, event) => { const e = document.getElementById(id); e.value = value; e.dispatchEvent(new Event(event)) }
			set('commands', %s, 'input'); set('form-of', %q, 'change'); set('type', %q, 'input')
			document.getElementById('status').textContent = ''
			document.querySelector('button').click()
		} ''`, text, form, kind))
		b.until("a reply", `document.getElementById('status').textContent.startsWith('200')`)
		return b.run(`document.getElementById('request').textContent`), b.run(`document.getElementById('reply').textContent`)
	}
	for _, c := range []struct {
		form, kind     string
		lines          []string
		request, reply []string
	}{
		{
			"json-rpc", "cli", []string{"vlan 7", "name seven", "show vlan"},
			[]string{"POST /ins", "application/json-rpc", `"cmd": "vlan 7"`, `"id": 3`}, []string{`"result": null`, `"vlan": "7"`},
		},
		{
			"json", "cli_show_ascii", []string{"show version", "show vlan"},
			[]string{"application/json", `"input": "show version ;show vlan"`}, []string{`"code": "200"`, `"body": "version 1.0(1)\n"`},
		},
		{
			"xml", "cli_conf", []string{"interface vethernet 1", "description a & b"},
			[]string{"application/xml", "<input>interface vethernet 1 ;description a &amp; b</input>"}, []string{"<code>200</code>", "<ins_api>"},
		},
	} {
		request, reply := send(c.form, c.kind, c.lines...)
		for _, want := range c.request {
			if !strings.Contains(request, want) {
				t.Errorf("%s: no %q in the request\n%s", c.form, want, request)
			}
		}
		for _, want := range c.reply {
			if !strings.Contains(reply, want) {
				t.Errorf("%s: no %q in the reply\n%s", c.form, want, reply)
			}
		}
	}
}

// TestSandboxPage has the page allow no script but its own.
func TestSandboxPage(t *testing.T) {
	v := serve(t, nil)
	r, err := http.NewRequest(http.MethodGet, v.url+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("admin", password)
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	policy := resp.Header.Get("Content-Security-Policy")
	if resp.StatusCode != 200 || !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") || strings.Contains(page, "<script>") {
		t.Errorf("%s, policy %q", resp.Status, policy)
	}
}
