import java.io.File;
import java.lang.instrument.Instrumentation;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ServiceLoader;

/** A stand-in for OpenTelemetry's Java agent: says what it was given, and loads its extensions as the real one does. */
public final class Agent {
    private Agent() {}

    public static void premain(String arguments, Instrumentation instrumentation) throws Exception {
        String folder = System.getProperty("otel.javaagent.extensions");
        System.out.println("stand-in agent: arguments=" + arguments + " extensions=" + folder);
        System.out.println("stand-in agent: OTEL_SERVICE_NAME=" + System.getenv("OTEL_SERVICE_NAME"));
        System.out.println("stand-in agent: OTEL_RESOURCE_ATTRIBUTES=" + System.getenv("OTEL_RESOURCE_ATTRIBUTES"));
        File[] jars = folder == null ? null : new File(folder).listFiles((parent, name) -> name.endsWith(".jar"));
        if (jars == null) {
            return;
        }
        for (File jar : jars) {
            URLClassLoader loader = new URLClassLoader(new URL[] {jar.toURI().toURL()}, Agent.class.getClassLoader());
            for (Runnable extension : ServiceLoader.load(Runnable.class, loader)) {
                extension.run();
            }
        }
    }
}
