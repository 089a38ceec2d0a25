export default function Page() {
  return <p>The handler is at /encode.</p>;
}
