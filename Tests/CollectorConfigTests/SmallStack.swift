import Dispatch
import Foundation

/// Runs `body` on a thread with a stack of 512 KiB, the least that a secondary thread has on any system we know, and
/// waits for it. Where a limit of depth does not hold, the run ends here with a segmentation fault.
func onSmallStack(_ body: @escaping @Sendable () -> Void) {
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
        body()
        done.signal()
    }
    thread.stackSize = 512 << 10
    thread.start()
    done.wait()
}
