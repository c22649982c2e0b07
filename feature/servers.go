package feature

// ServerKey names a server of users: its protocol, "radius" or "tacacs+", and its
// host.
type ServerKey struct{ Protocol, Host string }

// ServerCounters are what became of requests to a server, by what they were for.
type ServerCounters struct{ Authentication, Authorization, Accounting Requests }

// Requests count requests. Each ends as one of Answered, TimedOut, Errors or
// Failed.
type Requests struct {
	Sent     uint64
	Answered uint64 // whatever the answer was
	TimedOut uint64 // no answer came in time
	Errors   uint64 // the server reported an error, or what came was no answer
	Failed   uint64 // the server was not reached, or ended the connection
}
