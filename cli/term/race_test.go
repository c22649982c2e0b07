//go:build race

package term

// racing says that the race detector is on. It finds races between readline's
// own goroutines (its history and its buffer, v1.5.1) as soon as lines are typed
// ahead, which no lock of ours can order.
const racing = true
