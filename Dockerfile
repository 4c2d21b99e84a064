# syntax=docker/dockerfile:1

# The build stage has the compilers; nothing of it but the results goes on.
FROM node:24-trixie AS build
WORKDIR /app
RUN apt-get update \
  && apt-get install --yes --no-install-recommends g++ make python3 \
  && rm -rf /var/lib/apt/lists/*
COPY package.json package-lock.json .npmrc ./
RUN npm install --no-save --include=dev
COPY . .
RUN node scripts/setup.mjs \
  && npm prune --omit=dev \
  && rm -rf build/Release/obj.target build/Release/.deps

FROM node:24-trixie-slim
ENV NODE_ENV=production \
  MPLP_HOST=0.0.0.0 \
  MPLP_PORT=3000 \
  MPLP_DATA_DIR=/data
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/build/Release ./build/Release
COPY --from=build /app/generated ./generated
COPY --from=build /app/schemas ./schemas
COPY --from=build /app/dist ./dist
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 3000 4317 4318
HEALTHCHECK --interval=10s --timeout=5s --retries=6 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.MPLP_PORT}/health`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/cli/mplp.js"]
CMD ["serve"]
