import JSONTree
import PrometheusModel

extension Field {
    /// A duration in Prometheus' syntax.
    func duration(_ key: String) throws(Rejection) -> ScrapeDuration? {
        guard let text = try self.string(key) else { return nil }
        do {
            let duration = try PrometheusDuration(text)
            return ScrapeDuration(text: text, milliseconds: Int(duration.milliseconds))
        } catch {
            throw Rejection(.invalidField, "\(self.path(key)): \(error)")
        }
    }

    /// - Parameter rule: made of this field.
    func checkRelabelRule(_ rule: JSONObject) throws(Rejection) {
        do {
            _ = try RelabelRule(json: rule)
        } catch {
            throw Rejection(.invalidRelabeling, "\(self.path): \(error)")
        }
    }
}
