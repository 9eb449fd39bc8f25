# A static binary in an empty image, run by nobody in particular.
FROM golang:1.26 AS build
ARG VERSION=""
ENV VERSION=${VERSION}
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN scripts/build /postern

FROM scratch
# For key sources and upstreams under https.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /postern /postern
USER 65532:65532
EXPOSE 8080 9180
ENTRYPOINT ["/postern"]
CMD ["serve", "--config", "/etc/postern/postern.yaml"]
