FROM node:24-bookworm-slim
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund && npm cache clean --force
COPY migrations migrations
COPY scripts scripts
COPY src src
RUN install -d -o node -g node /data node_modules/.cache
USER node
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 CACHE_DIR=/data
VOLUME /data
EXPOSE 3000
HEALTHCHECK CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/-/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "scripts/entropic.mjs"]
