import JSONTree

/// meta/v1 `Status` of a failure, as bytes.
enum FailureStatus {
    static func bytes(code: Int, reason: String, message: String) -> [UInt8] {
        let status: JSONObject = [
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure", "message": .string(message),
            "reason": .string(reason), "code": .int(code),
        ]
        return status.bytes()
    }
}
