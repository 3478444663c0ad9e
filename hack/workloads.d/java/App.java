/** An application that knows nothing of OpenTelemetry: says what it was started with, and stays. */
public final class App {
    private App() {}

    public static void main(String[] arguments) throws Exception {
        System.out.println("application: greeting=" + System.getProperty("greeting"));
        Thread.sleep(Long.MAX_VALUE);
    }
}
