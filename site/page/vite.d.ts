/// <reference types="vite/client" />
// Types of `import.meta.env` and of imports as URLs.
