package secret

import (
	"strings"
	"testing"
	"time"
)

// known are answers of independent implementations: libcrypt for type 5, those
// of Python's hashlib for types 8 and 9. The two of "hashcat" for types 8 and 9
// are the published examples of that program (modes 9200 and 9300).
var known = []struct{ password, text string }{
	{"hashcat", "5 $5$saltstring$cnUXu/avxSVDCtc8UM/2EJLhc2mpyglklIlTsDAqyE9"},
	{"hashcat", "5 $5$rounds=10000$saltstringsaltst$R7OsIJVySOtQYC25vq5pClf.tooFoUg7IgfjktfX3MA"},
	{"hashcat", "5 $1$abcdefgh$KG/MuXxAkaC2Sx/zkkcdW."},
	{"hashcat", "8 $8$TnGX/fE4KGHOVU$pEhnEvxrvaynpi8j4f.EMHr6M.FzU8xnZnBr/tJdFWk"},
	{"hashcat", "9 $9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo6"},
	{"Trunk-line9", "5 $5$saltstring$frDMe356s6ZLXbdx2DqlTIwFbgYw76OVKOHXd6YGQW."},
	{"Trunk-line9", "5 $5$rounds=10000$saltstringsaltst$GGPY4GZ6owBMf5WAFmFYPsNifMzLQRSC9YJg/MachA5"},
	{"Trunk-line9", "5 $1$abcdefgh$F5s85vkTpzz7o/9jgegG6/"},
	{"Trunk-line9", "8 $8$TnGX/fE4KGHOVU$8pOSlpFVdLGL3F64XXipsjG2Bs1TxMB6wIz4pDU/zFA"},
	{"Trunk-line9", "9 $9$2MJBozw/9R3UsU$zXoIT.cTkvvARhXEDzng2Aw35Mn.5GjiMz6XKKjPpFc"},
	{"påsswörd", "5 $5$saltstring$7VCS9E3OM3Qfqvog5rhMp6.fPpBRxgAWlNoEbqfPnq6"},
	{"påsswörd", "5 $1$abcdefgh$GEScApfZwtQwhFWGn911w/"},
	{"påsswörd", "8 $8$TnGX/fE4KGHOVU$BT9Im.ZSUwgq2xa9OwSe40YmV/im47UziMHWr98mFgc"},
	{"påsswörd", "9 $9$2MJBozw/9R3UsU$/BbYK/Hen8.LKDv1vxGaBt67VpAOa5znJuXb4J9ZmJg"},
	{strings.Repeat("x", 64), "5 $5$saltstring$.Q4wJP3hnYUpcFYigvdygfeEBqAFzeeKjKg/MtHRkKA"},
	{strings.Repeat("x", 64), "5 $1$abcdefgh$O0X86kK5uBMSkmJGvfUOj."},
	{strings.Repeat("x", 64), "8 $8$TnGX/fE4KGHOVU$q9waPox.LjRQ0cJa5Kwuu4Ld8KJcsTIFCii2En1FBac"},
	{strings.Repeat("x", 64), "9 $9$2MJBozw/9R3UsU$/E3F6ayXHQY57jXYOCeEAp9rml4PLpWMJmNM89vNj42"},
}

func TestKnownAnswers(t *testing.T) {
	for _, k := range known {
		s, err := Parse(k.text)
		if err != nil {
			t.Errorf("%s: %v", k.text, err)
			continue
		}
		if s.String() != k.text {
			t.Errorf("%s prints as %s", k.text, s)
		}
		if !s.Verify(k.password) {
			t.Errorf("%s is not the secret of %q", k.text, k.password)
		}
		for _, wrong := range []string{"", k.password + "x", k.password[:len(k.password)-1], strings.ToUpper(k.password), k.text} {
			if wrong != k.password && s.Verify(wrong) {
				t.Errorf("%s is the secret of %q", k.text, wrong)
			}
		}
	}
}

func TestNewSecretsDifferAndVerify(t *testing.T) {
	a, b := New("Trunk-line9"), New("Trunk-line9")
	if a == b {
		t.Errorf("two secrets with one salt: %s", a)
	}
	for _, s := range []Secret{a, b} {
		if back, err := Parse(s.String()); err != nil || back != s {
			t.Errorf("%s reads as %v, %v", s, back, err)
		}
		if !s.Verify("Trunk-line9") || s.Verify("trunk-line9") {
			t.Errorf("%s does not tell its password from another", s)
		}
		if !strings.HasPrefix(s.String(), "5 $5$") || strings.Contains(s.String(), "rounds") {
			t.Errorf("form of %s", s)
		}
	}
}

func TestNoSecretMatchesNothing(t *testing.T) {
	if (Secret{}).Verify("") || (Secret{}).String() != "" {
		t.Error("the zero value is a secret of something")
	}
}

func TestForms(t *testing.T) {
	for _, text := range []string{
		"", "5", "5 ", " $5$a$b", "0 plain", "7 0822455D0A16", "5 plain", "5 $5$", "5 $5$$", "5 $5$salt$short",
		"5 $6$saltstring$cnUXu/avxSVDCtc8UM/2EJLhc2mpyglklIlTsDAqyE9",
		"05 $5$saltstring$cnUXu/avxSVDCtc8UM/2EJLhc2mpyglklIlTsDAqyE9",
		"8 $5$saltstring$cnUXu/avxSVDCtc8UM/2EJLhc2mpyglklIlTsDAqyE9",
		"5 $5$saltstringsaltstr$cnUXu/avxSVDCtc8UM/2EJLhc2mpyglklIlTsDAqyE9", // salt of 17
		"5 $5$salt:tring$cnUXu/avxSVDCtc8UM/2EJLhc2mpyglklIlTsDAqyE9",
		"5 $5$rounds=999$saltstring$cnUXu/avxSVDCtc8UM/2EJLhc2mpyglklIlTsDAqyE9",
		"5 $5$rounds=200001$saltstring$cnUXu/avxSVDCtc8UM/2EJLhc2mpyglklIlTsDAqyE9",
		"5 $5$rounds=05000$saltstring$cnUXu/avxSVDCtc8UM/2EJLhc2mpyglklIlTsDAqyE9",
		"5 $5$x$y$saltstring$cnUXu/avxSVDCtc8UM/2EJLhc2mpyglklIlTsDAqyE9",
		"5 $1$abcdefghi$KG/MuXxAkaC2Sx/zkkcdW.", "5 $1$x$abcdefgh$KG/MuXxAkaC2Sx/zkkcdW.",
		"8 $8$TnGX/fE4KGHOV$pEhnEvxrvaynpi8j4f.EMHr6M.FzU8xnZnBr/tJdFWk",
		"8 $8$TnGX/fE4KGHOVU$pEhnEvxrvaynpi8j4f.EMHr6M.FzU8xnZnBr/tJdFWz", // bits beyond the key
		"9 $9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo6 ",
		"9 $9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo",
	} {
		if s, err := Parse(text); err == nil {
			t.Errorf("%q is read as %v", text, s)
		}
	}
}

// FuzzParse feeds stored secrets: what is read prints as it was, and takes a
// bounded time to verify.
func FuzzParse(f *testing.F) {
	for _, k := range known {
		f.Add(k.text, k.password)
	}
	f.Add("5 $5$rounds=200000$a$cnUXu/avxSVDCtc8UM/2EJLhc2mpyglklIlTsDAqyE9", "x")
	f.Fuzz(func(t *testing.T, text, password string) {
		s, err := Parse(text)
		if err != nil {
			if s != (Secret{}) {
				t.Fatalf("%q: %v and %v", text, s, err)
			}
			return
		}
		if s.String() != text {
			t.Fatalf("%q prints as %q", text, s)
		}
		began := time.Now()
		s.Verify(password)
		if d := time.Since(began); d > 5*time.Second {
			t.Fatalf("%q takes %v", text, d)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	for _, k := range known[:5] {
		b.Run(strings.ReplaceAll(k.text[:6], " ", ""), func(b *testing.B) {
			s, err := Parse(k.text)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				s.Verify(k.password)
			}
		})
	}
}
