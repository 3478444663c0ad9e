// The yardstick of `hack/bench webhooks`: what a TLS server costs that does nothing but send a body back.

import ArgumentParser
import Hummingbird
import HummingbirdTLS
import Logging
import NIOCore
import NIOPosix
import NIOSSL

/// Answers every request with its own body, whatever the path.
@main
struct TLSEcho: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "TLSEcho",
        abstract: "Bare Hummingbird behind TLS: sends every request's body back."
    )

    @Option(help: "Port on 127.0.0.1.") var port: Int
    @Option(help: "PEM file with the certificate chain.") var certificate: String
    @Option(help: "PEM file with the private key.") var key: String
    // The operator's own number, so that both spread connections over the same threads.
    @Option(help: "Event loops.") var loops = max(1, min(2, System.coreCount))

    func run() async throws {
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(self.certificate).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: self.key, format: .pem))
        )
        tls.minimumTLSVersion = .tlsv12
        let echo = CallbackResponder<BasicRequestContext> { request, _ in
            let body = try await request.body.collect(upTo: 8 << 20)
            return Response(
                status: .ok,
                headers: [.contentType: "application/json"],
                body: ResponseBody(byteBuffer: body)
            )
        }
        let application = Application(
            responder: echo,
            server: try .tls(.http1(), tlsConfiguration: tls),
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: self.port), serverName: nil),
            eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup(numberOfThreads: self.loops)),
            logger: Logger(label: "echo") { _ in SwiftLogNoOpLogHandler() }
        )
        try await application.runService()
    }
}
