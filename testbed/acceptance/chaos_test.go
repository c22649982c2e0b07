package acceptance

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

const (
	sshAddr       = "127.0.0.1:2222"
	gnmiAddr      = "127.0.0.1:9339"
	adminPassword = "Tr0ub4dor&3"
	chaosVLAN     = 950 // whose name the clients change
)

// operation is one thing a client did: a write of a value that nobody else
// writes, or a read. The value of a port is in both of its leaves.
type operation struct {
	key        string
	write      bool
	value      int
	began, end int64 // nanoseconds since the start
	client     int
}

// chaos is what the clients and the judge share.
type chaos struct {
	c     *chassis
	epoch time.Time
	pause sync.RWMutex // held for writing at a rest

	mu      sync.Mutex
	done    []operation
	unknown []operation // writes without an answer
	wrong   []string
	refused map[string]int // reasons of writes without an answer, shortened
	next    int            // value of the next write
}

var chaosPorts = [2]string{"Vethernet3", "Vethernet4"} // on cards 3 and 4

// vlanOf is the access VLAN that goes with a value.
func vlanOf(value int) int { return 100 + value%3000 }

// TestChaos kills supervisor and cards at random moments while five clients
// commit through the CLI, SSH and gNMI. The history of every answered write and
// read must be that of one register per setting, no transaction may be seen in
// part, and at every rest gNMI, running-config and cards agree. Echoes may be
// lost to the death of a card only.
func TestChaos(t *testing.T) {
	needRoot(t)
	kills := 40
	if testing.Short() {
		kills = 10
	}
	if n, err := strconv.Atoi(os.Getenv("TRUNKLINE_KILLS")); err == nil {
		kills = n
	}
	x := &chaos{c: runChassis(t, "tlt-x"), epoch: time.Now(), next: 1, refused: map[string]int{}}
	x.addPorts(t)
	doors := []opener{
		cliDoor(x.c.socket, "a"), cliDoor(x.c.socket, "b"),
		sshDoor(x.c.ns, sshAddr, "admin", adminPassword, "s"),
		gnmiDoor(x.c.ns, gnmiAddr, "admin", adminPassword), gnmiDoor(x.c.ns, gnmiAddr, "admin", adminPassword),
	}
	for i, open := range doors { // each works before anything is killed
		x.try(t, i, open)
	}
	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for i, open := range doors {
		clients.Go(func() { x.client(ctx, i, open) })
	}
	echo := start(t, "ip", "netns", "exec", x.c.hosts[0], "ping", "-D", "-O", "-i", "0.02", "-W", "1", "10.9.0.2")
	var outages []outage
	rng := rand.New(rand.NewPCG(3, uint64(kills)))
	for n := 1; n <= kills; n++ {
		time.Sleep(time.Duration(rng.IntN(900)) * time.Millisecond) // the moment of the kill, not a wait for it
		switch victim := rng.IntN(5); victim {
		case 3, 4:
			began := time.Now()
			x.c.vem[victim].kill()
			x.c.startVEM(victim)
			outages = append(outages, outage{began.Add(-100 * time.Millisecond), time.Now().Add(2 * time.Second)})
		default:
			x.c.vsm.kill()
			x.c.startVSM()
		}
		if n%20 == 0 || n == kills {
			x.rest(t)
		}
	}
	stop()
	clients.Wait()
	_ = echo.Process.Signal(exitSignal)
	<-echo.done
	x.judgeEchoes(t, echo.log, outages)
	x.judge(t, kills)
}

// addPorts gives each host a second interface, on the same card as the first.
func (x *chaos) addPorts(t *testing.T) {
	t.Helper()
	line := fmt.Sprintf("configure terminal ; vlan %d ; exit", chaosVLAN)
	for i, p := range chaosPorts {
		line += fmt.Sprintf(" ; interface %s ; owner netns %s ifname eth1 module %d", p, x.c.hosts[i], i+3)
	}
	if r := vsh(t, x.c.socket, line); r.code != 0 {
		t.Fatalf("configure: %s %s", r.out, r.log)
	}
	for i, h := range x.c.hosts {
		eventually(t, 10*time.Second, chaosPorts[i]+" is there", func() error {
			if r := run(t, 5*time.Second, "ip", "-n", h, "link", "show", "eth1"); r.code != 0 {
				return errors.New(r.log)
			}
			return nil
		})
	}
}

// try goes through a door once.
func (x *chaos) try(t *testing.T, client int, open opener) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	d, err := open(ctx)
	if err != nil {
		t.Fatalf("client %d: %v", client, err)
	}
	defer d.close()
	for key := range 3 {
		for _, write := range []bool{true, false} {
			if err := x.operate(ctx, client, d, key, write); err != nil {
				t.Fatalf("client %d, key %d: %v", client, key, err)
			}
		}
	}
}

// client does something every 20 ms until ctx ends.
func (x *chaos) client(ctx context.Context, i int, open opener) {
	rng := rand.New(rand.NewPCG(uint64(i), 7))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var d door
	defer func() {
		if d != nil {
			d.close()
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		x.pause.RLock()
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		var err error
		if d == nil {
			d, err = open(limit)
		}
		if err == nil {
			err = x.operate(limit, i, d, rng.IntN(3), rng.IntN(3) > 0)
		}
		if err != nil && d != nil {
			d.close()
			d = nil
		}
		cancel()
		x.pause.RUnlock()
	}
}

// reason is what an error ends with, without what differs from time to time.
func reason(err error) string {
	text := strings.TrimSpace(err.Error())
	text = text[strings.LastIndexByte(text, '\n')+1:]
	return regexp.MustCompile(`[0-9]+`).ReplaceAllString(tail(text, 100), "N")
}

// operate does one operation and notes it.
func (x *chaos) operate(ctx context.Context, client int, d door, key int, write bool) error {
	o := operation{write: write, client: client, key: "vlan"}
	if key < len(chaosPorts) {
		o.key = chaosPorts[key]
	}
	if write {
		x.mu.Lock()
		o.value = x.next
		x.next++
		x.mu.Unlock()
	}
	o.began = int64(time.Since(x.epoch))
	var err error
	var text string
	vlan := 0
	switch {
	case write && o.key == "vlan":
		err = d.vlan(ctx, chaosVLAN, fmt.Sprintf("N%d", o.value))
	case write:
		err = d.port(ctx, o.key, vlanOf(o.value), fmt.Sprintf("N%d", o.value))
	case o.key == "vlan":
		text, err = d.readVLAN(ctx, chaosVLAN)
	default:
		vlan, text, err = d.readPort(ctx, o.key)
	}
	o.end = int64(time.Since(x.epoch))
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case err != nil && write:
		x.unknown = append(x.unknown, o)
		x.refused[reason(err)]++
	case err != nil:
	default:
		if !write {
			o.value, _ = strconv.Atoi(strings.TrimPrefix(text, "N")) // 0: never written
			if o.key != "vlan" && o.value != 0 && vlan != vlanOf(o.value) {
				x.wrong = append(x.wrong, fmt.Sprintf("client %d reads half a transaction of %s: VLAN %d with %s", client, o.key, vlan, text))
			}
		}
		x.done = append(x.done, o)
	}
	return err
}

// rest stops the clients, waits until all is up, and compares what every door
// and the cards say.
func (x *chaos) rest(t *testing.T) {
	t.Helper()
	x.pause.Lock()
	defer x.pause.Unlock()
	answers(t, x.c.socket, 10*time.Second)
	eventually(t, 20*time.Second, "both cards are back", func() error {
		r := vsh(t, x.c.socket, "show module")
		if n := strings.Count(r.out, " ok"); n != 2 {
			return fmt.Errorf("%d cards ok:\n%s", n, r.out)
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	doors := map[string]opener{
		"CLI": cliDoor(x.c.socket, "r"), "SSH": sshDoor(x.c.ns, sshAddr, "admin", adminPassword, "r"),
		"gNMI": gnmiDoor(x.c.ns, gnmiAddr, "admin", adminPassword),
	}
	said := map[string]string{}
	for name, open := range doors {
		d, err := open(ctx)
		if err != nil {
			t.Fatalf("%s at a rest: %v", name, err)
		}
		for _, p := range chaosPorts {
			vlan, description, err := d.readPort(ctx, p)
			if err != nil {
				t.Fatalf("%s at a rest: %v", name, err)
			}
			said[name] += fmt.Sprintf("%s %d %s\n", p, vlan, description)
		}
		v, err := d.readVLAN(ctx, chaosVLAN)
		if err != nil {
			t.Fatalf("%s at a rest: %v", name, err)
		}
		said[name] += v
		d.close()
	}
	if said["CLI"] != said["SSH"] || said["CLI"] != said["gNMI"] {
		t.Errorf("at a rest the doors disagree:\nCLI\n%s\nSSH\n%s\ngNMI\n%s", said["CLI"], said["SSH"], said["gNMI"])
	}
	for i, p := range chaosPorts {
		eventually(t, 10*time.Second, "card "+strconv.Itoa(i+3)+" enforces what is configured", func() error {
			r := run(t, 10*time.Second, filepath.Join(bin, "vemcmd"), "--vem-socket", filepath.Join(x.c.dir, fmt.Sprintf("vem%d.sock", i+3)), "show", "port", "vlans")
			want, _, _ := strings.Cut(said["CLI"][strings.Index(said["CLI"], p+" ")+len(p)+1:], " ")
			for l := range strings.Lines(r.out) {
				if f := strings.Fields(l); strings.Contains(l, strings.Replace(p, "Vethernet", "Veth", 1)) || strings.Contains(l, p) {
					for _, w := range f[1:] {
						if w == want {
							return nil
						}
					}
				}
			}
			return fmt.Errorf("%s should be in VLAN %s:\n%s", p, want, r.out)
		})
	}
}

// outage is when a card's death may cost frames.
type outage struct{ from, to time.Time }

var (
	echoReply = regexp.MustCompile(`^\[([\d.]+)\] .*icmp_seq=(\d+) ttl=`)
	echoLate  = regexp.MustCompile(`^\[([\d.]+)\] no answer yet for icmp_seq=(\d+)`)
)

// judgeEchoes fails the test for every echo that was lost while no card was
// down.
func (x *chaos) judgeEchoes(t *testing.T, path string, outages []outage) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	replies, late := map[string]bool{}, map[string]float64{}
	for s := bufio.NewScanner(f); s.Scan(); {
		if m := echoReply.FindStringSubmatch(s.Text()); m != nil {
			replies[m[2]] = true
		} else if m := echoLate.FindStringSubmatch(s.Text()); m != nil {
			late[m[2]], _ = strconv.ParseFloat(m[1], 64)
		}
	}
	lost, excused := 0, 0
	for seq, at := range late {
		if replies[seq] {
			continue
		}
		when := time.UnixMicro(int64(at * 1e6))
		ok := false
		for _, o := range outages {
			ok = ok || when.After(o.from) && when.Before(o.to)
		}
		if ok {
			excused++
			continue
		}
		lost++
		t.Logf("echo %s of %v is lost", seq, when)
	}
	t.Logf("%d echoes answered, %d lost to the death of a card, %d to that of a supervisor", len(replies), excused, lost)
	if lost > 0 {
		t.Errorf("%d echoes lost while both cards were up", lost)
	}
	if len(replies) < 100 {
		t.Errorf("only %d echoes were answered", len(replies))
	}
}

// shortest describes the end of the shortest part of a history, from its start,
// that is not a register's.
func shortest(m porcupine.Model, history []porcupine.Operation) string {
	for _, part := range m.Partition(history) {
		slices.SortFunc(part, func(a, b porcupine.Operation) int { return cmp.Compare(a.Return, b.Return) })
		if porcupine.CheckOperations(m, part) {
			continue
		}
		n := sort.Search(len(part), func(n int) bool { return !porcupine.CheckOperations(m, part[:n]) })
		var b strings.Builder
		for _, o := range part[max(0, n-15):n] {
			in := o.Input.(operation)
			what := "reads"
			if in.write {
				what = "writes"
			}
			fmt.Fprintf(&b, "%v..%v client %d %s %s %v\n", time.Duration(o.Call), time.Duration(o.Return), o.ClientId, what, in.key, o.Output)
		}
		return b.String()
	}
	return ""
}

// judge has porcupine look for an order of all operations on each setting in
// which every read returns the last write before it.
func (x *chaos) judge(t *testing.T, kills int) {
	t.Helper()
	for _, w := range x.wrong {
		t.Error(w)
	}
	// A write without an answer that nobody read need not have happened; one
	// that was read had happened by the end of that read.
	seen := map[[2]any]int64{}
	for _, o := range x.done {
		k := [2]any{o.key, o.value}
		if at, ok := seen[k]; !o.write && (!ok || o.end < at) {
			seen[k] = o.end
		}
	}
	all := x.done
	happened := 0
	for _, o := range x.unknown {
		if end, ok := seen[[2]any{o.key, o.value}]; ok {
			o.end = max(end, o.end)
			if end > o.began {
				o.end = end
			}
			all = append(all, o)
			happened++
		}
	}
	history := make([]porcupine.Operation, len(all))
	writes := 0
	for i, o := range all {
		if o.write {
			writes++
		}
		history[i] = porcupine.Operation{ClientId: o.client, Input: o, Output: o.value, Call: o.began, Return: o.end}
	}
	register := porcupine.Model{
		Partition: func(h []porcupine.Operation) [][]porcupine.Operation {
			byKey := map[string][]porcupine.Operation{}
			for _, o := range h {
				k := o.Input.(operation).key
				byKey[k] = append(byKey[k], o)
			}
			var parts [][]porcupine.Operation
			for _, p := range byKey {
				parts = append(parts, p)
			}
			return parts
		},
		Init: func() any { return 0 },
		Step: func(state, input, output any) (bool, any) {
			if o := input.(operation); o.write {
				return true, o.value
			}
			return state == output, state
		},
	}
	switch porcupine.CheckOperationsTimeout(register, history, time.Minute) {
	case porcupine.Illegal:
		t.Errorf("an answered commit was lost, or undone: no order of the operations explains what was read:\n%s",
			shortest(register, history))
	case porcupine.Unknown:
		t.Error("the history could not be judged within a minute")
	}
	t.Logf("%d kills; %d writes and %d reads answered, %d writes without an answer, %d of which happened",
		kills, writes-happened, len(all)-writes, len(x.unknown), happened)
	for why, n := range x.refused {
		t.Logf("%d times: %s", n, why)
	}
	if writes < 5*kills {
		t.Errorf("only %d writes for %d kills", writes, kills)
	}
}
