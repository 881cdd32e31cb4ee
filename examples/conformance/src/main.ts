import { createConformanceServer } from "./server.js";

const { port } = await createConformanceServer().listen({ port: Number(process.env.PORT ?? 4000) });
console.log(`ready http://localhost:${port}`);
