/** A stand-in for an extension of the Java agent. */
public final class Extension implements Runnable {
    @Override
    public void run() {
        String jar = Extension.class.getProtectionDomain().getCodeSource().getLocation().getPath();
        System.out.println("stand-in extension: loaded from " + jar);
    }
}
