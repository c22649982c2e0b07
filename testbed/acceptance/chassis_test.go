package acceptance

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// chassis is a supervisor and two line cards as processes of their own, in one
// namespace, with a host on each card and a wire between their uplinks.
type chassis struct {
	t      *testing.T
	ns     string
	dir    string
	socket string
	vsm    *process
	vem    [5]*process // by slot
	hosts  [2]string
}

const cardsAddr = "127.0.0.1:4785"

func runChassis(t *testing.T, name string) *chassis {
	t.Helper()
	c := &chassis{t: t, ns: namespace(t, name), dir: t.TempDir()}
	c.socket = filepath.Join(c.dir, "vsm.sock")
	mustIP(t, fmt.Sprintf("-n %s link add u3 type veth peer name u4", c.ns))
	for i := range c.hosts {
		c.hosts[i] = namespace(t, fmt.Sprintf("%s-h%d", name, i+1))
	}
	c.startVSM()
	answers(t, c.socket, 10*time.Second)
	for slot := 3; slot <= 4; slot++ {
		c.startVEM(slot)
	}
	config := "configure terminal ; vlan 10 ; port-profile type ethernet UP ; switchport mode trunk ; no shutdown ; state enabled"
	for slot := 3; slot <= 4; slot++ {
		config += fmt.Sprintf(" ; vem %d ; host uplink u%d profile UP", slot, slot)
		config += fmt.Sprintf(" ; interface vethernet %d ; switchport access vlan 10 ; owner netns %s ifname eth0 module %d",
			slot-2, c.hosts[slot-3], slot)
	}
	if r := vsh(t, c.socket, config); r.code != 0 {
		t.Fatalf("configure: %s %s", r.out, r.log)
	}
	for i, h := range c.hosts {
		eventually(t, 10*time.Second, "the interface of host "+h, func() error {
			if r := run(t, 5*time.Second, "ip", "-n", h, "link", "show", "eth0"); r.code != 0 {
				return errors.New(r.log)
			}
			return nil
		})
		mustIP(t, fmt.Sprintf("-n %s addr add 10.9.0.%d/24 dev eth0", h, i+1))
		mustIP(t, fmt.Sprintf("-n %s link set eth0 up", h))
	}
	eventually(t, 15*time.Second, "host 1 reaches host 2", func() error { return ping(t, c.hosts[0], "10.9.0.2") })
	return c
}

func (c *chassis) startVSM() {
	if err := os.WriteFile(filepath.Join(c.dir, "admin"), []byte(adminPassword+"\n"), 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.vsm = start(c.t, "ip", "netns", "exec", c.ns, filepath.Join(bin, "vsm"),
		"--state-dir", filepath.Join(c.dir, "vsm"), "--socket", c.socket, "--cards", cardsAddr,
		"--ssh", sshAddr, "--gnmi", gnmiAddr, "--admin-password-file", filepath.Join(c.dir, "admin"))
}

func (c *chassis) startVEM(slot int) {
	n := strconv.Itoa(slot)
	c.vem[slot] = start(c.t, "ip", "netns", "exec", c.ns, filepath.Join(bin, "vem"), "--vsm", cardsAddr, "--slot", n,
		"--state-dir", filepath.Join(c.dir, "vem"+n), "--vem-socket", filepath.Join(c.dir, "vem"+n+".sock"),
		"--host-uuid", fmt.Sprintf("00000000-0000-4000-8000-00000000000%s", n), "--config", "")
}

var pingSummary = regexp.MustCompile(`(\d+) packets transmitted, (\d+) received`)

// TestSupervisorKilledUnderTraffic kills the supervisor again and again while
// a ping runs and commits go in: no echo is lost, no answered commit is lost,
// and the supervisor is back within two seconds.
func TestSupervisorKilledUnderTraffic(t *testing.T) {
	needRoot(t)
	rounds := 20
	if testing.Short() {
		rounds = 3
	}
	c := runChassis(t, "tlt-k")
	echo := exec.Command("ip", "netns", "exec", c.hosts[0], "ping", "-i", "0.01", "-W", "2", "10.9.0.2")
	out, err := echo.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := echo.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			if pingSummary.MatchString(s.Text()) {
				lines <- s.Text()
			}
		}
	}()
	stream := c.bulk()
	answered, done := c.commits()
	rng := rand.New(rand.NewPCG(1, uint64(rounds)))
	for range rounds {
		time.Sleep(time.Duration(100+rng.IntN(500)) * time.Millisecond) // the moment of the kill, not a wait for it
		c.vsm.kill()
		c.startVSM()
		answers(t, c.socket, 2*time.Second)
	}
	done()
	r := vsh(t, c.socket, "show running-config vlan")
	for _, vlan := range *answered {
		if err := contains(r.out, fmt.Sprintf("name R%d\n", vlan)); err != nil {
			t.Fatalf("the answered commit of VLAN %d is lost: %v", vlan, tail(err.Error(), 1000))
		}
	}
	if len(*answered) < rounds {
		t.Errorf("only %d commits were answered", len(*answered))
	}
	stream()
	_ = echo.Process.Signal(exitSignal)
	summary := <-lines
	_ = echo.Wait()
	m := pingSummary.FindStringSubmatch(summary)
	if m == nil || m[1] != m[2] {
		// The echo in flight when ping was told to end does not count.
		sent, _ := strconv.Atoi(m[1])
		got, _ := strconv.Atoi(m[2])
		if sent-got > 1 {
			t.Errorf("echo replies lost to supervisor kills: %s", summary)
		}
	}
	t.Logf("%d kills, %d commits answered: %s", rounds, len(*answered), summary)
}

// TestCardRestartsHeadless kills both line cards with no supervisor running:
// each forwards again within a second of its start.
func TestCardRestartsHeadless(t *testing.T) {
	needRoot(t)
	c := runChassis(t, "tlt-c")
	c.vsm.kill()
	for _, slot := range []int{3, 4} {
		c.vem[slot].kill()
		began := time.Now()
		c.startVEM(slot)
		eventually(t, time.Second, fmt.Sprintf("card %d forwards headless", slot), func() error {
			r := run(t, 10*time.Second, "ip", "netns", "exec", c.hosts[0], "ping", "-c1", "-W0.05", "10.9.0.2")
			if r.code != 0 {
				return errors.New(strings.TrimSpace(r.out + r.log))
			}
			return nil
		})
		t.Logf("card %d forwards %v after its start", slot, time.Since(began).Round(time.Millisecond))
	}
	c.startVSM()
	answers(t, c.socket, 2*time.Second)
	eventually(t, 5*time.Second, "both cards are back", func() error {
		r := vsh(t, c.socket, "show module")
		if n := strings.Count(r.out, " ok"); n != 2 {
			return fmt.Errorf("%d cards ok:\n%s", n, r.out)
		}
		return ping(t, c.hosts[0], "10.9.0.2")
	})
}

// commits commits a VLAN every 100 ms until done is called, and notes those that
// were answered.
func (c *chassis) commits() (answered *[]int, done func()) {
	answered = new([]int)
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for vlan := 100; vlan < 4000; vlan++ {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			line := fmt.Sprintf("configure terminal ; vlan %d ; name R%d", vlan, vlan)
			if exec.Command(filepath.Join(bin, "vsh"), "--socket", c.socket, "-c", line).Run() == nil {
				*answered = append(*answered, vlan)
			}
		}
	}()
	return answered, func() { close(stop); <-ended }
}

// bulk runs a TCP stream from host 1 to host 2 beside the test. The function it
// returns ends the stream and fails the test if it ever stood still for a
// second.
func (c *chassis) bulk() (end func()) {
	c.t.Helper()
	if _, err := exec.LookPath("iperf3"); err != nil {
		c.t.Log("no TCP stream: iperf3 is not installed")
		return func() {}
	}
	start(c.t, "ip", "netns", "exec", c.hosts[1], "iperf3", "-s", "-p", "5301")
	eventually(c.t, 5*time.Second, "iperf3 server listens", func() error {
		return contains(run(c.t, 5*time.Second, "ip", "netns", "exec", c.hosts[1], "ss", "-Hltn").out, ":5301")
	})
	client := start(c.t, "ip", "netns", "exec", c.hosts[0], "iperf3", "-c", "10.9.0.2", "-p", "5301", "-t", "600",
		"-i", "1", "--forceflush", "-f", "m")
	return func() {
		c.t.Helper()
		_ = client.Process.Signal(exitSignal)
		<-client.done
		b, err := os.ReadFile(client.log)
		if err != nil {
			c.t.Fatal(err)
		}
		rates := interval.FindAllStringSubmatch(string(b), -1)
		if len(rates) < 5 {
			c.t.Fatalf("the TCP stream did not run:\n%s", tail(string(b), 2000))
		}
		slowest := 1e12
		for _, m := range rates[:len(rates)-1] { // the last is cut short
			v, _ := strconv.ParseFloat(m[1], 64)
			slowest = min(slowest, v)
		}
		if slowest == 0 {
			c.t.Errorf("the TCP stream stood still for a second:\n%s", tail(string(b), 4000))
		}
		c.t.Logf("TCP stream: %d seconds, slowest %.0f Mbit/s", len(rates)-1, slowest)
	}
}

var interval = regexp.MustCompile(`(?m)sec +[0-9.]+ [KMG]?Bytes +([0-9.]+) Mbits/sec`)
