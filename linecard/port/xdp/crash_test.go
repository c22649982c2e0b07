package xdp_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"trunkline/linecard/port/inns/innstest"
	"trunkline/linecard/port/xdp"
)

// childNamespace names the namespace in which the test binary, run again as
// another process, opens p1.
const childNamespace = "TRUNKLINE_TEST_XDP_NAMESPACE"

// TestCrash: a process that is killed takes its program with it.
func TestCrash(t *testing.T) {
	if ns := os.Getenv(childNamespace); ns != "" {
		p, err := xdp.Open(xdp.Config{Device: "p1", Namespace: ns})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("open as", p.Info().Driver)
		_, _ = os.Stdin.Read(make([]byte, 1)) // until the parent kills it, or ends
		os.Exit(1)
	}
	card, host := innstest.New(t), innstest.New(t)
	innstest.Veth(t, host, "eth0", card, "p1")
	if err := open(false)(t, card, "p1").Close(); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(os.Args[0], "-test.run=^TestCrash$", "-test.timeout=30s")
	c.Env = append(os.Environ(), childNamespace+"="+strings.Replace(card, "self", fmt.Sprint(os.Getpid()), 1))
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	opened := false
	for !opened && lines.Scan() {
		opened = strings.HasPrefix(lines.Text(), "open as xdp")
	}
	was := attached(t, card, "p1")
	_ = c.Process.Kill()
	_ = c.Wait() // killed
	if !opened || !was {
		t.Fatalf("the other process did not open the port: %v, program attached: %v", opened, was)
	}
	for deadline := time.Now().Add(30 * time.Second); attached(t, card, "p1"); {
		if time.Now().After(deadline) {
			t.Fatal("program still attached 5 s after its process was killed")
		}
	}
	if err := open(false)(t, card, "p1").Close(); err != nil {
		t.Error(err)
	}
}
