package fdb

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"trunkline/internal/ether"
)

func learn(t *Table, bd uint16, mac uint64, hop uint16) Verdict {
	v := t.View(0)
	return v.Learn(Key(bd, mac), hop)
}

func lookup(t *Table, bd uint16, mac uint64) uint16 {
	v := t.View(0)
	hop, ok := v.Lookup(Key(bd, mac))
	if !ok {
		return 0
	}
	return hop
}

func TestLearn(t *testing.T) {
	tab := New(Config{})
	steps := []struct {
		bd   uint16
		mac  uint64
		hop  uint16
		want Verdict
	}{
		{10, 1, 1, Learned},
		{10, 1, 1, Known},
		{20, 1, 2, Learned}, // same address, another domain
		{10, 1, 3, Moved},
		{10, 2, 3, Learned},
	}
	for i, s := range steps {
		if got := learn(tab, s.bd, s.mac, s.hop); got != s.want {
			t.Errorf("step %d: learn %v: %d, want %d", i, s, got, s.want)
		}
		if got := lookup(tab, s.bd, s.mac); got != s.hop {
			t.Errorf("step %d: lookup: hop %d, want %d", i, got, s.hop)
		}
	}
	if got := lookup(tab, 30, 1); got != 0 {
		t.Errorf("unknown address has hop %d", got)
	}
	if a, b := tab.Count(1), tab.Count(3); a != 0 || b != 2 {
		t.Errorf("counts %d and %d, want 0 and 2", a, b)
	}
	if s := tab.Stats(); s.Entries != 3 || s.Learned != 3 || s.Moved != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestAge(t *testing.T) {
	tab := New(Config{Age: 20 * time.Second})
	tab.SetAge(20, 0)
	learn(tab, 10, 1, 1)
	learn(tab, 10, 2, 1)
	learn(tab, 20, 3, 1)
	for i := range 4 {
		tab.Advance(1)
		learn(tab, 10, 2, 1) // stays in use
		if lookup(tab, 10, 1) == 0 {
			t.Fatalf("aged after %d ticks", i+1)
		}
	}
	tab.Dump(Filter{MAC: ether.MAC{0, 0, 0, 0, 0, 1}}, func(e Entry) bool {
		if e.Age != 20*time.Second {
			t.Errorf("age %v, want 20s", e.Age)
		}
		return true
	})
	tab.Advance(1)
	if lookup(tab, 10, 1) != 0 {
		t.Error("not aged")
	}
	if lookup(tab, 10, 2) != 1 {
		t.Error("an entry in use aged")
	}
	tab.Advance(1 << 20)
	if lookup(tab, 20, 3) != 1 {
		t.Error("an entry of a domain without ageing aged")
	}
	if tab.Count(1) != 1 || tab.Stats().Entries != 1 {
		t.Errorf("count %d, entries %d, want 1", tab.Count(1), tab.Stats().Entries)
	}
}

func TestFlush(t *testing.T) {
	tab := New(Config{})
	for hop := uint16(1); hop <= 3; hop++ {
		for bd := uint16(10); bd <= 12; bd++ {
			learn(tab, bd, uint64(hop), hop)
		}
	}
	tab.FlushHop(2)
	tab.FlushBD(11)
	for hop := uint16(1); hop <= 3; hop++ {
		for bd := uint16(10); bd <= 12; bd++ {
			want := hop
			if hop == 2 || bd == 11 {
				want = 0
			}
			if got := lookup(tab, bd, uint64(hop)); got != want {
				t.Errorf("bd %d hop %d: %d, want %d", bd, hop, got, want)
			}
		}
	}
	if learn(tab, 11, 2, 2) != Known && lookup(tab, 11, 2) != 2 {
		t.Error("a flushed address is not learned again")
	}
	tab.sweep()
	if n := tab.Stats().Entries; n != 5 {
		t.Errorf("%d entries after the sweep, want 5", n)
	}
	tab.FlushAll()
	if d, _ := tab.Counts(); d != 0 {
		t.Errorf("%d entries after flushing all", d)
	}
}

// TestManyFlushes wraps the generation kept in an entry several times.
func TestManyFlushes(t *testing.T) {
	tab := New(Config{Limit: MinLimit, Age: -1})
	learn(tab, 10, 1, 1)
	for i := range 3 << genBits {
		tab.FlushHop(2)
		if i%100_000 == 0 && lookup(tab, 10, 1) != 1 {
			t.Fatalf("entry lost after %d flushes of another port", i)
		}
	}
	if lookup(tab, 10, 1) != 1 {
		t.Error("entry lost")
	}
	tab.FlushHop(1)
	if lookup(tab, 10, 1) != 0 {
		t.Error("entry survived its flush")
	}
}

func TestStatics(t *testing.T) {
	tab := New(Config{})
	learn(tab, 10, 1, 1)
	m1, m2 := ether.MACFromUint64(1), ether.MACFromUint64(2)
	if r := tab.Statics([]Entry{{BD: 10, MAC: m1, Hop: 5}, {BD: 10, MAC: m2, Hop: 6, Own: true}}); len(r) != 0 {
		t.Fatalf("refused %v", r)
	}
	if tab.Count(1) != 0 {
		t.Error("the dynamic entry is still counted")
	}
	for _, c := range []struct {
		mac  uint64
		hop  uint16
		want Verdict
	}{{1, 5, Known}, {1, 1, Fixed}, {2, 1, OwnMoved}, {2, 6, Known}} {
		if got := learn(tab, 10, c.mac, c.hop); got != c.want {
			t.Errorf("learn %v: %d", c, got)
		}
	}
	tab.FlushHop(5)
	tab.Advance(1 << 20)
	if lookup(tab, 10, 1) != 5 {
		t.Error("a static entry was flushed or aged")
	}
	if tab.Clear(Filter{}) != 0 {
		t.Error("a static entry was cleared")
	}
	if d, s := tab.Counts(); d != 0 || s != 2 {
		t.Errorf("%d dynamic, %d static", d, s)
	}
	tab.Statics([]Entry{{BD: 10, MAC: m2, Hop: 6}})
	if lookup(tab, 10, 1) != 0 || lookup(tab, 10, 2) != 6 {
		t.Error("the set of static entries was not replaced")
	}
	if learn(tab, 10, 1, 1) != Learned {
		t.Error("an address is not learned after its static entry went")
	}
}

func TestClear(t *testing.T) {
	tab := New(Config{})
	for i := uint64(1); i <= 9; i++ {
		learn(tab, uint16(10+i%3), i, uint16(1+i%2))
	}
	if n := tab.Clear(Filter{BD: 10, Hop: 2}); n != 2 { // 3 and 9
		t.Errorf("cleared %d, want 2", n)
	}
	if n := tab.Clear(Filter{MAC: ether.MACFromUint64(6)}); n != 1 {
		t.Errorf("cleared %d, want 1", n)
	}
	if d, _ := tab.Counts(); d != 6 || tab.Stats().Entries != 6 {
		t.Errorf("%d entries left, want 6", d)
	}
}

func TestMoveGuard(t *testing.T) {
	tab := New(Config{})
	second := int64(time.Second)
	at := func(now int64, hop uint16) Verdict {
		v := tab.View(now)
		return v.Learn(Key(10, 1), hop)
	}
	at(0, 1)
	for i := range 40 { // 10 a second are allowed
		if got := at(int64(i/10)*second+second, uint16(2-i%2)); got != Moved {
			t.Fatalf("move %d: %d", i, got)
		}
	}
	for i := range MaxMoves {
		if got := at(100*second, uint16(2-i%2)); got != Moved {
			t.Fatalf("move %d: %d", i, got)
		}
	}
	if got := at(100*second, 2); got != Looping {
		t.Errorf("move 11 in a second: %d, want Looping", got)
	}
	v := tab.View(100 * second)
	if hop, _ := v.Lookup(Key(10, 1)); hop != 1 {
		t.Errorf("over the rate the address is behind %d, want 1", hop)
	}
}

// TestHome has an address of hop 1 sent by hop 2, too, for a long time: hop 1 is
// never the one that loops, whatever the rates; after a minute of quiet the
// address belongs where it is.
func TestHome(t *testing.T) {
	tab := New(Config{})
	at := func(now time.Duration, hop uint16) Verdict {
		v := tab.View(int64(now))
		return v.Learn(Key(10, 1), hop)
	}
	at(0, 1)
	now, loops := time.Duration(0), 0
	for second := range 200 {
		for i := range 50 {
			now = time.Duration(second)*time.Second + time.Duration(i)*20*time.Millisecond
			if at(now, 2) == Looping {
				loops++
			}
			if i%(1+second%7) == 0 {
				if got := at(now, 1); got != Moved && got != Known {
					t.Fatalf("%v: home is told %d", now, got)
				}
			}
		}
	}
	if loops < 200*10 {
		t.Errorf("the newcomer loops %d times", loops)
	}
	now += time.Second
	at(now, 2) // moved for good
	now += (homeQuiet + 1) * time.Second
	for i := range 30 {
		hop := uint16(1 + i%2)
		if got := at(now, hop); got == Looping && hop == 2 {
			t.Fatal("the new home loops")
		} else if hop == 1 && i > MaxMoves && got != Looping {
			t.Fatalf("move %d from the new home: %d, want Looping", i, got)
		}
	}
}

// TestRandomMACs floods the table from one port and looks at the others.
func TestRandomMACs(t *testing.T) {
	tab := New(Config{})
	learn(tab, 10, 1, 1)
	r := rand.New(rand.NewPCG(1, 2))
	verdicts := map[Verdict]int{}
	v := tab.View(0)
	for range 1_000_000 {
		verdicts[v.Learn(Key(10, r.Uint64()&(1<<48-1)|1<<41), 2)]++
	}
	if tab.Count(2) != DefaultPortLimit || verdicts[Learned] != DefaultPortLimit {
		t.Errorf("port has %d entries, want %d; verdicts %v", tab.Count(2), DefaultPortLimit, verdicts)
	}
	if verdicts[Refused] < 990_000 || tab.Stats().Refused != uint64(verdicts[Refused]) {
		t.Errorf("verdicts %v, stats %+v", verdicts, tab.Stats())
	}
	if lookup(tab, 10, 1) != 1 || learn(tab, 10, 3, 1) != Learned {
		t.Error("the other port suffers")
	}
	// Many ports at their limits: a port with few entries still learns.
	for hop := uint16(3); hop < 20; hop++ {
		for range 2 * DefaultPortLimit {
			v.Learn(Key(11, r.Uint64()&(1<<48-1)), hop)
		}
	}
	s := tab.Stats()
	if s.Full == 0 || s.Entries > DefaultLimit {
		t.Errorf("stats %+v", s)
	}
	if learn(tab, 10, 4, 100) != Learned {
		t.Error("a port with few entries learns no more")
	}
	if s.Overflow != 0 {
		t.Errorf("%d overflows at half load", s.Overflow)
	}
}

func TestMillion(t *testing.T) {
	tab := New(Config{Limit: MaxLimit, PortLimit: MaxLimit})
	v := tab.View(0)
	const n = 500_000
	for i := uint64(1); i <= n; i++ {
		if got := v.Learn(Key(10, i*2), uint16(1+i%100)); got != Learned {
			t.Fatalf("entry %d: %d", i, got)
		}
	}
	for i := uint64(1); i <= n; i += 997 {
		if hop, ok := v.Lookup(Key(10, i*2)); !ok || hop != uint16(1+i%100) {
			t.Fatalf("entry %d: hop %d, %v", i, hop, ok)
		}
	}
	if s := tab.Stats(); s.Overflow != 0 {
		t.Errorf("%d overflows", s.Overflow)
	}
}

func TestResize(t *testing.T) {
	tab := New(Config{Limit: 1000, PortLimit: 5000})
	for i := uint64(1); i <= 800; i++ {
		learn(tab, 10, i, uint16(1+i%8))
	}
	tab.Statics([]Entry{{BD: 10, MAC: ether.MACFromUint64(5000), Hop: 9}})
	old := tab.View(0)
	tab.SetLimit(100_000)
	if got := old.Learn(Key(10, 9000), 1); got != Known {
		t.Errorf("learning in frozen arrays: %d", got)
	}
	if got := old.Learn(Key(10, 7), 1); got != Known {
		t.Errorf("moving in frozen arrays: %d", got)
	}
	for i := uint64(1); i <= 800; i++ {
		if got := lookup(tab, 10, i); got != uint16(1+i%8) {
			t.Fatalf("after growing: %d is behind %d", i, got)
		}
	}
	tab.SetLimit(200)
	d, s := tab.Counts()
	if s != 1 || d > 200 || d < 190 || tab.Stats().Entries != d+s {
		t.Errorf("after shrinking: %d dynamic, %d static, %+v", d, s, tab.Stats())
	}
	n := 0
	for hop := range uint16(10) {
		n += tab.Count(hop)
	}
	if n != d {
		t.Errorf("ports count %d entries, the table %d", n, d)
	}
}

// TestModel runs random operations against a map.
func TestModel(t *testing.T) {
	tab := New(Config{Limit: 4096, PortLimit: 100})
	r := rand.New(rand.NewPCG(3, 4))
	type entry struct {
		hop  uint16
		tick int
	}
	model := map[uint64]entry{}
	tick := 0
	count := func(hop uint16) (n int) {
		for _, e := range model {
			if e.hop == hop {
				n++
			}
		}
		return n
	}
	for i := range 50_000 {
		bd, mac, hop := uint16(1+r.IntN(4)), r.Uint64N(300), uint16(1+r.IntN(5))
		key := Key(bd, mac)
		switch op := r.IntN(1000); {
		case op < 600:
			v := tab.View(int64(i) * int64(time.Second)) // no address moves more than once in a second
			got := v.Learn(Key(bd, mac), hop)
			old, there := model[key]
			if got == Refused {
				if there && old.hop == hop {
					t.Fatal("a known address was refused")
				}
				continue // flushed entries count until swept: checked below
			}
			model[key] = entry{hop, tick}
		case op < 990:
			e := model[key]
			if got := lookup(tab, bd, mac); got != e.hop {
				t.Fatalf("lookup %d/%d: %d, want %d", bd, mac, got, e.hop)
			}
		case op < 993:
			tab.FlushHop(hop)
			for k, e := range model {
				if e.hop == hop {
					delete(model, k)
				}
			}
		case op < 995:
			tab.FlushBD(bd)
			for k := range model {
				if k>>48 == uint64(bd) {
					delete(model, k)
				}
			}
		case op < 996:
			tab.SetLimit(2048 + r.IntN(4000))
		case op < 997:
			tab.Clear(Filter{Hop: hop})
			for k, e := range model {
				if e.hop == hop {
					delete(model, k)
				}
			}
		default:
			tick++
			tab.Advance(1)
			for k, e := range model {
				if tick-e.tick > 60 {
					delete(model, k)
				}
			}
			if n := tab.Stats().Entries; n != len(model) {
				t.Fatalf("%d entries, want %d", n, len(model))
			}
			for h := uint16(1); h <= 5; h++ {
				if tab.Count(h) != count(h) || tab.Count(h) > 100 {
					t.Fatalf("hop %d counts %d, want %d", h, tab.Count(h), count(h))
				}
			}
		}
	}
}

// TestConcurrent has workers learn and look up while the control plane flushes,
// clears, ages and rebuilds; then the counts must be exact and every address
// has one slot.
func TestConcurrent(t *testing.T) {
	tab := New(Config{Limit: 2000, PortLimit: 1500})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 7))
			for {
				select {
				case <-stop:
					return
				default:
				}
				v := tab.View(time.Now().UnixNano())
				for range 64 {
					key := Key(uint16(1+r.IntN(3)), r.Uint64N(1500))
					v.Learn(key, uint16(1+r.IntN(6)))
					if hop, ok := v.Lookup(key); ok && (hop == 0 || hop > 6 && hop != 9) {
						t.Errorf("hop %d was never learned", hop)
						return
					}
				}
			}
		})
	}
	r := rand.New(rand.NewPCG(9, 9))
	for i := range 100 {
		switch r.IntN(6) {
		case 0:
			tab.FlushHop(uint16(1 + r.IntN(6)))
		case 1:
			tab.FlushBD(uint16(1 + r.IntN(3)))
		case 2:
			tab.SetLimit(1000 + r.IntN(3000))
		case 3:
			tab.Clear(Filter{BD: uint16(1 + r.IntN(3))})
		case 4:
			tab.Statics([]Entry{{BD: 1, MAC: ether.MACFromUint64(uint64(i)), Hop: 9}})
		default:
			tab.Advance(20)
		}
	}
	close(stop)
	wg.Wait()
	tab.FlushHop(1)
	tab.sweep()
	var perHop [MaxHops]int
	seen := map[uint64]bool{}
	total := 0
	tab.Dump(Filter{}, func(e Entry) bool {
		key := Key(e.BD, e.MAC.Uint64())
		if seen[key] {
			t.Errorf("%v is there twice", e)
		}
		seen[key] = true
		total++
		if !e.Static {
			perHop[e.Hop]++
		}
		return true
	})
	if got := tab.Stats().Entries; got != total {
		t.Errorf("the table counts %d entries, there are %d", got, total)
	}
	for h := range perHop {
		if got := tab.Count(uint16(h)); got != perHop[h] {
			t.Errorf("hop %d counts %d entries, there are %d", h, got, perHop[h])
		}
	}
}

func FuzzOperations(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, ops []byte) {
		tab := New(Config{Limit: MinLimit, PortLimit: 16})
		for ; len(ops) >= 3; ops = ops[3:] {
			bd, mac, hop := uint16(1+ops[1]%3), uint64(ops[2]%64), uint16(1+ops[2]/64)
			switch ops[0] % 7 {
			case 0, 1, 2:
				got := learn(tab, bd, mac, hop)
				if (got == Learned || got == Moved) && lookup(tab, bd, mac) != hop {
					t.Fatalf("learned %d/%d behind %d, found %d", bd, mac, hop, lookup(tab, bd, mac))
				}
			case 3:
				tab.FlushHop(hop)
				if h := lookup(tab, bd, mac); h == hop {
					t.Fatal("flushed, and still there")
				}
			case 4:
				tab.Advance(int(ops[2]))
			case 5:
				tab.SetLimit(MinLimit + int(ops[2]))
			case 6:
				tab.Statics([]Entry{{BD: bd, MAC: ether.MACFromUint64(mac), Hop: 7}})
				if lookup(tab, bd, mac) != 7 {
					t.Fatal("static entry not found")
				}
				tab.Statics(nil)
			}
			d, s := tab.Counts()
			if n := tab.Stats().Entries; n < d+s {
				t.Fatalf("%d counted, %d there", n, d+s)
			}
		}
	})
}

func BenchmarkLearnLookup(b *testing.B) {
	for _, n := range []struct {
		name  string
		count uint64
	}{{"10k", 10_000}, {"1M", 900_000}} {
		b.Run(n.name, func(b *testing.B) {
			tab := New(Config{Limit: MaxLimit, PortLimit: MaxLimit})
			v := tab.View(0)
			for i := range n.count {
				v.Learn(Key(10, i+1), uint16(1+i%64))
			}
			r := rand.New(rand.NewPCG(1, 1))
			keys := make([]uint64, 1<<16)
			for i := range keys {
				keys[i] = r.Uint64N(n.count) + 1
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				v := tab.View(0)
				for range 64 {
					src, dst := keys[i&0xffff], keys[(i+77)&0xffff]
					v.Learn(Key(10, src), uint16(1+(src-1)%64))
					v.Lookup(Key(10, dst))
					i++
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/64, "ns/frame")
		})
	}
}

// TestStorm has one port send a million new addresses while another has few: the
// storm costs a bounded search per frame, learns up to its port's limit, and
// takes nothing from the other, which goes on learning.
func TestStorm(t *testing.T) {
	table := New(Config{})
	v := table.View(0)
	for i := range uint64(smallPort) {
		if r := v.Learn(Key(10, 0x020000000000+i), 1); r != Learned {
			t.Fatalf("address %d: %v", i, r)
		}
	}
	counts := map[Verdict]int{}
	for i := range uint64(1_000_000) {
		counts[v.Learn(Key(uint16(1+i%4000), 0x020200000000+i*0x9e3779b1), 2)]++
	}
	if counts[Learned] != DefaultPortLimit || counts[Refused] != 1_000_000-DefaultPortLimit {
		t.Errorf("verdicts of the storm: %v", counts)
	}
	for i := range uint64(smallPort) {
		if hop, ok := v.Lookup(Key(10, 0x020000000000+i)); !ok || hop != 1 {
			t.Fatalf("address %d was lost to the storm", i)
		}
	}
	// Storms on as many ports as it takes fill the table, but not the part that
	// is kept for ports with few addresses.
	for port := range uint64(20) {
		for i := range uint64(DefaultPortLimit) {
			v.Learn(Key(20, 0x021000000000+port<<32+i), uint16(3+port))
		}
	}
	if r := v.Learn(Key(10, 0x020400000000), 30); r != Learned {
		t.Errorf("a quiet port cannot learn: %v", r)
	}
	s := table.Stats()
	if s.Full == 0 || s.Entries > s.Limit || s.Overflow > uint64(s.Entries/1000) {
		t.Errorf("after the storms: %+v", s)
	}
	longest := 0
	a := table.arrays.Load()
	for run, i := 0, 0; i < len(a.slots); i++ {
		if run++; a.slots[i].key.Load() == 0 {
			run = 0
		}
		longest = max(longest, run)
	}
	if longest >= probes {
		t.Errorf("a search may take %d steps", longest)
	}
}

// TestFullSize holds a million addresses of 4,000 VLANs behind 1,000 ports.
func TestFullSize(t *testing.T) {
	if testing.Short() {
		t.Skip("a million entries")
	}
	table := New(Config{Limit: MaxLimit, PortLimit: MaxLimit})
	v := table.View(0)
	key := func(i uint64) uint64 { return Key(uint16(1+i%4000), 0x020000000000+i) }
	const n = MaxLimit * 7 / 8 // the rest is for ports with few addresses
	for i := range uint64(n) {
		if r := v.Learn(key(i), uint16(1+i%1000)); r != Learned {
			t.Fatalf("address %d: %v", i, r)
		}
	}
	for i := range uint64(n) {
		if hop, ok := v.Lookup(key(i)); !ok || hop != uint16(1+i%1000) {
			t.Fatalf("address %d: hop %d, %v", i, hop, ok)
		}
	}
	if s := table.Stats(); s.Entries != n || s.Overflow != 0 {
		t.Errorf("%+v", s)
	}
	if got := table.Count(1); got != n/1000 {
		t.Errorf("%d entries behind a port, want %d", got, n/1000)
	}
}
